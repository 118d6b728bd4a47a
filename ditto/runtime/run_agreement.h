// Whether all parties run the same program as their run of the same number, which is checked before anything is opened.
//
// Every run begins with a frame (run number, SHA-256 of the program): P0 sends it to P1 and P2, and these to each
// other. P1 and P2 read what the others sent when they first wait for anything of the run, or when they are done: that
// takes no round. P0 receives nothing and cannot be wrong about a result, as it gets none.
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
  RunAgreement(Role role, const std::array<Channel*, 3>& peers, uint64_t tag, uint64_t run, const Program& program);
  ~RunAgreement();

  // The channels of this run: receiving on them checks first.
  std::array<Channel*, 3> channels() const;

  // Throws ChannelError if another party is at another run or program; the message names both. From any thread.
  void Check();

 private:
  class Checked;

  const Role role_;
  const std::array<Channel*, 3> peers_;
  const uint64_t tag_;
  const uint64_t run_;
  const std::string program_;
  std::array<std::unique_ptr<Checked>, 3> checked_;
  std::mutex mutex_;
  std::atomic<bool> agreed_{false};
  std::string mismatch_;
};

}  // namespace ditto
