// Runs a program as one of the three parties.
//
// P0 runs through the program without waiting for anyone; P1 and P2 meet once a round. Values are freed after their
// last use. Every protocol call has a domain of its own, made of the run's number and the op's index, so that no mask
// is ever used twice in a session.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "ditto/net/channel.h"
#include "ditto/protocols/party.h"
#include "ditto/runtime/kernels.h"
#include "ditto/runtime/profile.h"
#include "ditto/runtime/program.h"
#include "ditto/runtime/schedule.h"

namespace ditto {

// A run failed. The message names the party and the operation.
class RunError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct RunOptions {
  // P1 and P2 wait until P0's whole stream lies at P2: their time is then the online time.
  bool offline_first = false;
  // Once it is true, a party fails before its next operations. It outlives the run; null: nobody cancels.
  const std::atomic<bool>* cancelled = nullptr;
};

// A guarded value was not what the program assumes of it, so that its results mean nothing.
class RangeViolation : public std::runtime_error {
 public:
  RangeViolation() : std::runtime_error("a value left the range that the program assumes of it") {}
};

struct RunResult {
  // At P1 and P2, where all guarded values have been found in their ranges; without outputs otherwise.
  std::vector<Share> outputs;
  bool out_of_range = false;      // known to P1 and P2 alone
  std::vector<OpRecord> records;  // what this party sent
  double began = 0;               // seconds since 1970, by this machine's clock
  double seconds = 0;             // from the start, or from the moment P0's stream had arrived
};

struct PartyContext {
  Role role;
  PairKeys keys;
  std::array<Channel*, 3> peers;  // by role; one's own is null
};

constexpr uint64_t kMaxRuns = uint64_t{1} << 29;

// `run` is below kMaxRuns and not used before in the life of the keys. `inputs` are in the program's order.
// Throws RunError; the other parties then throw as well, with the same reason, and the channels are closed.
RunResult Execute(const PartyContext& context, const Program& program, const Schedule& schedule, uint64_t run,
                  std::vector<Value> inputs, const RunOptions& options);

// "P0", "P1", "P2".
std::string NameOf(Role role);

}  // namespace ditto
