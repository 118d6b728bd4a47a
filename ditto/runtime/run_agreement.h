// Whether all parties run the same program on the same inputs as their run of the same number, which is checked before
// anything is opened.
//
// Whoever gives the parties their inputs is not one of them, and may lie to each: that P1 and P2 have one and the same
// m of every value is not to be taken from it. Every run begins with a frame: the run's number, SHA-256 of the program,
// and of what was given to all parties (ids, public inputs, what is kept, the context); between P1 and P2 also SHA-256
// of all masked values that the session has been given, in their order. P0 sends its frame to P1 and P2, and these to
// each other. P1 and P2 read what the others sent when they first wait for anything of the run, or when they are done:
// that takes no round. P0 receives nothing and cannot be wrong about a result, as it gets none.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "ditto/net/channel.h"
#include "ditto/protocols/party.h"
#include "ditto/runtime/program.h"

namespace ditto {

class RunAgreement {
 public:
  // Sends this party's frames, under `tag`. peers[i] leads to party i; one's own entry is null.
  // `given`, `masked`: digests, of what was given to all three, and of masked values, which P0 does not know.
  RunAgreement(Role role, const std::array<Channel*, 3>& peers, uint64_t tag, uint64_t run, const Program& program,
               const std::string& given, const std::string& masked);
  ~RunAgreement();

  // The channels of this run: receiving on them checks first.
  std::array<Channel*, 3> channels() const;

  // Throws ChannelError if another party is at another run or program (the message names both), or was given other
  // inputs. From any thread.
  void Check();

 private:
  class Checked;
  Bytes FrameWith(Role other) const;

  const Role role_;
  const std::array<Channel*, 3> peers_;
  const uint64_t tag_;
  const uint64_t run_;
  const std::string program_;
  const std::string given_;
  const std::string masked_;
  std::array<std::unique_ptr<Checked>, 3> checked_;
  std::mutex mutex_;
  std::atomic<bool> agreed_{false};
  std::string mismatch_;
};

}  // namespace ditto
