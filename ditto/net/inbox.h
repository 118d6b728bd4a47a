// The receiving end of a channel: frames that have arrived, sorted by tag, until someone asks for them.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ditto/net/channel.h"

namespace ditto {

class Inbox {
 public:
  explicit Inbox(ChannelOptions options) : options_(std::move(options)) {}

  // Ignored once the inbox is closed.
  void Push(uint64_t tag, Bytes payload);

  // The next frame with this tag. Throws ChannelError after the time-out, or if it cannot come any more.
  Bytes Pop(uint64_t tag);

  // Whether a sender may go on. If not, `on_room` is called once when it may, or when the inbox is closed; it must
  // not call back into the inbox.
  bool HasRoom(std::function<void()> on_room);

  // No more frames will come. What is here can still be popped. The first reason given stays.
  void Close(const std::string& reason);
  // The same, dropping what is here.
  void Abort(const std::string& reason);

  // The reason given to Close or Abort; empty while the inbox is open.
  std::string closed() const;

  uint64_t frames_popped() const;
  uint64_t bytes_popped() const;

 private:
  // What a frame counts against the limit besides its payload, so that empty frames are bounded too.
  static constexpr uint64_t kFrameBytes = 16;

  struct Slot {
    std::list<Bytes> frames;
    std::condition_variable arrived;
    int waiting = 0;
  };

  bool Roomy() const {
    return options_.buffer_limit_bytes == 0 || unread_ <= options_.buffer_limit_bytes || starving_ > 0 ||
           !closed_.empty();
  }
  void CloseLocked(const std::string& reason);
  void SignalRoom();

  const ChannelOptions options_;
  mutable std::mutex mutex_;
  std::unordered_map<uint64_t, Slot> slots_;  // only tags with frames or waiting calls
  uint64_t unread_ = 0;                       // payload bytes, and kFrameBytes per frame
  int starving_ = 0;                          // calls waiting for a frame that is not here
  std::vector<std::function<void()>> on_room_;
  std::string closed_;
  uint64_t frames_popped_ = 0;
  uint64_t bytes_popped_ = 0;
};

}  // namespace ditto
