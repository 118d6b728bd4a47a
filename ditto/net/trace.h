// Records what passes through a channel, for tests: that received messages are uniform, that a refactor changes no
// byte. A trace holds protocol messages in the clear; it has no place in a production run.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "ditto/net/channel.h"

namespace ditto {

enum class Direction { kSent, kReceived };

struct TracedFrame {
  Direction direction;
  uint64_t tag;
  Bytes payload;

  friend bool operator==(const TracedFrame& a, const TracedFrame& b) {
    return a.direction == b.direction && a.tag == b.tag && a.payload == b.payload;
  }
};

class Trace {
 public:
  void Add(TracedFrame frame);

  // All frames, as the calls returned. Frames of one tag and direction keep their order in every run; when several
  // threads use the channel, the order among tags depends on their timing.
  std::vector<TracedFrame> frames() const;
  // The same in an order that no timing changes: sent before received, by tag, then as they came.
  std::vector<TracedFrame> SortedFrames() const;

 private:
  mutable std::mutex mutex_;
  std::vector<TracedFrame> frames_;
};

// `channel`, with every frame sent or received also added to `trace`.
std::unique_ptr<Channel> Traced(std::unique_ptr<Channel> channel, std::shared_ptr<Trace> trace);

}  // namespace ditto
