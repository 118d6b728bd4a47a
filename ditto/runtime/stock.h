// P0's part of a run, made and sent before the run's inputs are known.
//
// P0 receives nothing in a run, and what it sends depends on masks alone: weights' masks it has, arguments' masks it
// draws. So it may run a program ahead of time, under keys that are this one run's (session.h), and be gone when the
// run comes. P2 keeps what P0 sends, P1 keeps its key. Whoever uses such a run twice opens two values under the same
// masks: it has to be burnt, for good, before its first mask is told to anybody.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <unordered_map>

#include "ditto/net/channel.h"
#include "ditto/protocols/prg.h"

namespace ditto {

struct Dealt {
  PrgKey key{};  // with P0: k01 at P1, k02 at P2
  Bytes stream;  // at P2: P0's frames, each as its tag, its size and its bytes
};

// What P0 sends on while it deals: frames for later, as frames of `tag`.
class DealingChannel : public Channel {
 public:
  DealingChannel(Channel& channel, uint64_t tag) : channel_(channel), tag_(tag) {}
  // That was all.
  void Finish() { channel_.Send(tag_, {}); }

  void Send(uint64_t tag, Bytes payload) override;
  Bytes Receive(uint64_t tag) override;
  void Abort(const std::string& reason) override { channel_.Abort(reason); }
  ChannelStats stats() const override { return channel_.stats(); }

 private:
  Channel& channel_;
  const uint64_t tag_;
};

// What a DealingChannel sends under `tag`, at P2, which calls `told` after every frame: others wait for it. Throws
// ChannelError beyond `limit` bytes, headers included.
Bytes ReceiveDealt(Channel& channel, uint64_t tag, uint64_t limit, const std::function<void()>& told);

// At P2, in the run: takes the place of the channel to P0. Frames may be asked for by several threads.
class DealtChannel : public Channel {
 public:
  // Throws ChannelError if this is not what ReceiveDealt gave.
  explicit DealtChannel(Bytes stream);
  // Throws ChannelError if there are frames that nobody has asked for.
  void Finish() const;

  void Send(uint64_t tag, Bytes payload) override;
  Bytes Receive(uint64_t tag) override;
  void Abort(const std::string&) override {}
  ChannelStats stats() const override { return {}; }

 private:
  struct Frame {
    size_t begin;
    size_t size;
  };
  mutable std::mutex mutex_;
  Bytes stream_;
  std::unordered_map<uint64_t, std::deque<Frame>> frames_;
};

}  // namespace ditto
