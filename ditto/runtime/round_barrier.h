// Puts what the ops of a group send in one round into one message.
//
// Every op runs on a lane, a thread of its own. Once every lane either waits in Exchange or has left, the lanes'
// messages are joined in the order of the lanes, swapped with the peer in one frame each way, and handed back. As the
// lanes of both parties proceed alike, no lengths or lane numbers travel.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "ditto/net/channel.h"

namespace ditto {

class RoundBarrier {
 public:
  RoundBarrier(Channel& peer, uint64_t tag, size_t lanes);

  // The peer's message for this lane, as long as `mine`. Throws ChannelError if the exchange or another lane fails.
  Bytes Exchange(size_t lane, Bytes mine);
  // The lane will not exchange again. May carry out the others' exchange, and throw as it does.
  void Leave();
  // The lane has failed: all others' exchanges throw.
  void Fail();

 private:
  // Swaps what waits. Under the lock: every live lane waits here anyway.
  void SwapIfComplete();
  void Swap();

  Channel& peer_;
  const uint64_t tag_;
  std::mutex mutex_;
  std::condition_variable swapped_;
  std::vector<Bytes> messages_;  // of the lanes; after the swap the peer's
  std::vector<bool> waits_;
  size_t live_;
  size_t waiting_ = 0;
  uint64_t rounds_ = 0;
  std::string failure_;  // why no exchange can succeed any more: whichever lane tells first, tells the cause
};

}  // namespace ditto
