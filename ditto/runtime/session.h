// One party's side of a session: its keys, its channels, the shares it holds, and the runs it has made.
//
// Input values: the caller gets the masks l1 from P1 and l2 from P2, and sends m = x + l1 + l2 to both; P0 draws both
// masks from its keys and needs nothing from the caller. Masks of stored values and of runs come from disjoint domains
// and every domain is used once, whatever fails in between.
//
// Stock: a run may be dealt ahead (Deal), under keys with P0 that are drawn from the session's and are this run's
// alone, so that its domains begin anew. The run itself is then made in a session of P1 and P2 without P0, whose P1-P2
// key is fresh for every such run, too (Prepare).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "ditto/net/cancellation.h"
#include "ditto/runtime/executor.h"
#include "ditto/runtime/stock.h"

namespace ditto {

using PeerChannels = std::array<std::unique_ptr<Channel>, 3>;

// A stored value's id, or public integers.
using Input = std::variant<uint64_t, Tensor>;
// An input that a run will get later, by its place among those.
struct Argument {
  uint64_t place = 0;
};
// What is known of an input before its run.
using FutureInput = std::variant<uint64_t, Tensor, Argument>;
// The outputs of a program, by position, that stay shared, and the id that each gets.
using Kept = std::map<size_t, uint64_t>;

// Of a connection, to the peer and back.
struct LinkSpeed {
  double round_trip_seconds = 0;
  double bits_per_second = 0;
};

class Session {
 public:
  // peers[i] leads to party i; one's own entry is null. Agrees on fresh keys with both. Throws ChannelError, also if
  // `cancellation` is cancelled meanwhile; the other parties are told the reason.
  // P1 and P2 may be without P0: values and runs are then those of what was dealt before.
  Session(Role role, PeerChannels peers, Cancellation* cancellation = nullptr);

  Role role() const { return role_; }

  // Replaces channels that a failed run has closed.
  void Reconnect(PeerChannels peers) { peers_ = std::move(peers); }
  void Abort(const std::string& reason);

  // Starts value `id` and returns the mask that this party gives the caller: l1 from P1, l2 from P2, none from P0,
  // whose part is then complete. Ids increase; an id used before throws std::invalid_argument.
  Tensor Mask(uint64_t id, const Shape& shape, int width);
  // Completes the value at P1 and P2, once: two values under the same masks would tell their difference.
  // Throws std::invalid_argument for one that is complete or was not started, and at P0.
  void SetMasked(uint64_t id, Tensor m);
  // Stores components that this party has already, of this session or another, instead of Mask and SetMasked.
  void Put(uint64_t id, Share share);
  // A complete value, whose components may be put into other sessions. Throws std::invalid_argument if there is none.
  const Share& Get(uint64_t id) const;
  void Drop(uint64_t id) { stored_.erase(id); }

  // Checks with the other parties that all have the same program. Throws ProgramError.
  void Agree(const Program& program);
  // The same of anything else, by its digest; `what` it is goes into the error. Throws ProgramError.
  void AgreeOn(const std::string& what, const Bytes& digest);
  // Outputs for which `kept` has an id are stored under it, to be inputs of later runs; ids as in Mask. A P1 and P2
  // that withhold the results store nothing, but P0, which does not know that, does: whoever asked drops the ids.
  // P1 and P2 check that all parties run this program as their run of this number (run_agreement.h).
  // Throws RunError or, for a value that is not here and a `kept` that does not fit, std::invalid_argument.
  // `context`: what else the parties have to have alike, such as whose weights these are.
  RunResult Run(const Program& program, const Schedule& schedule, const std::vector<Input>& inputs,
                const RunOptions& options, const Kept& kept = {}, const std::string& context = "");

  // With P0: its part of a future run of this program. The parties check that they deal the same. P0's own result is
  // empty. Throws ProgramError, ChannelError or, for a value that is not here, std::invalid_argument.
  Dealt Deal(const Program& program, const Schedule& schedule, const std::vector<FutureInput>& inputs,
             const std::string& context);
  // P1 and P2, without P0: the values started from here on are the arguments of the next run, in the order of their
  // places, and that run is the one dealt. Whoever calls has burnt it. `number`: the same at both, and none used before
  // in this session. Throws std::invalid_argument with P0.
  void Prepare(Dealt dealt, uint64_t number);
  // How quick the connections to the parties of higher numbers are, one after the other; all parties of the session
  // call it together. Sends some megabytes. Throws ChannelError.
  std::map<int, LinkSpeed> Probe();
  // What P1 tells P2.
  void Tell(Bytes message);
  Bytes Told();

 private:
  void AgreeOnKeys();
  void BurnId(uint64_t id);
  // However long it takes until P2 has all that P0 deals: it tells of every frame.
  void AwaitDealt();
  bool without_p0() const { return role_ != Role::kP0 && !peers_[0]; }

  const Role role_;
  PeerChannels peers_;
  PairKeys keys_;
  uint64_t next_id_ = 0;
  uint64_t first_id_ = 0;  // of the values that have masks of the present keys with P0
  uint64_t runs_ = 0;
  uint64_t dealt_ = 0;         // runs
  uint64_t next_number_ = 0;   // of a run that is prepared
  PrgKey p1_p2_key_{};         // of the session, from which those of prepared runs are drawn
  std::optional<Dealt> next_;  // the run that was prepared
  std::string masked_;         // digest of all masked values so far, at P1 and P2
  std::unordered_map<uint64_t, Share> stored_;
};

// What P1 and P2 tell the caller of a result x = (m - l1) - l2: P1's or P2's term.
Tensor RevealedPart(Role role, const Share& share);
// The caller's side: signed integers (or bits) from both terms.
std::vector<int64_t> Reconstruct(const Tensor& from_p1, const Tensor& from_p2);
// The caller's side of an input: m from signed integers and both masks.
Tensor MaskedInput(const int64_t* values, const Tensor& l1, const Tensor& l2);

}  // namespace ditto
