#include "ditto/runtime/executor.h"

#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "ditto/protocols/links.h"
#include "ditto/protocols/range_guard.h"
#include "ditto/runtime/round_barrier.h"

namespace ditto {
namespace {

using Clock = std::chrono::steady_clock;

double Seconds(Clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

double SecondsSince1970() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string Failure(Role role, const std::string& where, const std::exception& error) {
  return NameOf(role) + " failed in " + where + ": " + error.what();
}

void AbortAll(const PartyContext& context, const std::string& reason) {
  for (Channel* channel : context.peers) {
    if (channel != nullptr) channel->Abort(reason);
  }
}

// An op's view of the round it shares with others.
class LaneLink : public OnlineLink {
 public:
  LaneLink(RoundBarrier& barrier, size_t lane) : barrier_(barrier), lane_(lane) {}
  Bytes Exchange(Bytes mine) override {
    const auto start = Clock::now();
    Bytes theirs = barrier_.Exchange(lane_, std::move(mine));
    waited_ += Seconds(Clock::now() - start);
    return theirs;
  }
  double seconds_waited() const { return waited_; }

 private:
  RoundBarrier& barrier_;
  const size_t lane_;
  double waited_ = 0;
};

class Execution {
 public:
  Execution(const PartyContext& context, const Program& program, const Schedule& schedule, uint64_t run,
            const RunOptions& options)
      : context_(context),
        program_(program),
        schedule_(schedule),
        run_(run),
        options_(options),
        values_(program.values.size()),
        records_(program.ops.size() + (IsGuarded(program) ? 1 : 0)) {}

  RunResult Run(std::vector<Value> inputs) {
    RunResult result;
    result.began = SecondsSince1970();
    began_ = Clock::now();
    TakeInputs(std::move(inputs));
    const std::vector<std::vector<int>> freed_after = FreedAfter(program_, schedule_);
    if (options_.offline_first) AwaitOffline();
    const auto start = Clock::now();
    for (size_t g = 0; g < schedule_.size(); ++g) {
      RunGroup(schedule_[g]);
      if (options_.offline_first) AnnounceOffline();
      for (int value : freed_after[g]) values_[value] = Value();
    }
    if (IsGuarded(program_)) result.out_of_range = FinishGuarding();
    if (options_.offline_first) AnnounceOffline();
    result.seconds = Seconds(Clock::now() - start);
    if (!result.out_of_range) {
      for (int id : program_.outputs) result.outputs.push_back(values_[id].share);
    }
    result.records = std::move(records_);
    return result;
  }

 private:
  uint64_t Domain(size_t op) const { return run_ << 32 | op; }
  uint64_t StartTag() const { return run_ << 32 | 0xffffffffu; }
  Channel* Peer(Role role) const { return context_.peers[static_cast<int>(role)]; }

  void TakeInputs(std::vector<Value> inputs) {
    at_ = "inputs";
    if (inputs.size() != program_.inputs.size()) {
      throw std::invalid_argument(std::to_string(inputs.size()) + " inputs instead of " +
                                  std::to_string(program_.inputs.size()));
    }
    for (size_t i = 0; i < inputs.size(); ++i) {
      const ValueType& type = program_.values[program_.inputs[i]];
      const Tensor& held = type.is_public() ? inputs[i].integers : inputs[i].share.any();
      if (!held.held() || held.shape() != type.shape || held.width() != type.width) {
        throw std::invalid_argument("input " + std::to_string(i) + " is not of type " + ToString(type));
      }
      values_[program_.inputs[i]] = std::move(inputs[i]);
    }
    for (size_t i = 0; i < program_.constants.size(); ++i) {
      values_[program_.constants[i]].integers = program_.constant_values[i];
    }
  }

  // P0's last frame says that all others are before it; P2 passes that on to P1.
  // P0 tells after every group, and at the end, how far its stream has come, and P2 passes it on: nobody waits for the
  // whole in one go.
  void AnnounceOffline() {
    if (context_.role == Role::kP0) Peer(Role::kP2)->Send(StartTag(), {});
  }
  void AwaitOffline() {
    at_ = "the wait for P0's stream";
    if (context_.role == Role::kP0) return;
    for (size_t told = 0; told < schedule_.size() + 1; ++told) {
      Peer(context_.role == Role::kP1 ? Role::kP2 : Role::kP0)->Receive(StartTag());
      if (context_.role == Role::kP2) Peer(Role::kP1)->Send(StartTag(), {});
    }
  }

  void RunGroup(const Group& group) {
    if (options_.cancelled != nullptr && *options_.cancelled) {
      at_ = program_.Describe(group[0]);
      throw std::runtime_error("the run was interrupted");
    }
    if (group.size() == 1 || context_.role == Role::kP0) {
      for (size_t op : group) RunAlone(op);
    } else {
      RunTogether(group);
    }
    ShareRounds(group, records_);
  }

  void RunAlone(size_t op) {
    at_ = program_.Describe(op);
    TimeAlone(op, [&](OnlineLink* online) { RunOp(op, online); });
  }

  bool FinishGuarding() {
    at_ = "the guard";
    const size_t after_all = program_.ops.size();
    bool violated = false;
    TimeAlone(after_all, [&](OnlineLink* online) {
      WithParty(after_all, online, [&](Party& party) { violated = FinishGuard(party, guard_); });
    });
    return violated;
  }

  // run(link) is the op of this index, with rounds of its own.
  template <class F>
  void TimeAlone(size_t index, F&& run) {
    const auto start = Clock::now();
    std::optional<ChannelOnlineLink> online;
    if (Channel* c = OnlineChannel()) online.emplace(*c, Domain(index));
    run(online ? &*online : nullptr);
    records_[index].start = Seconds(start - began_);
    records_[index].seconds = Seconds(Clock::now() - start);
  }

  void RunTogether(const Group& group) {
    const auto start = Clock::now();
    RoundBarrier barrier(*OnlineChannel(), Domain(group[0]), group.size());
    std::mutex mutex;
    std::string failure;
    const auto run_lane = [&](size_t lane) {
      const size_t op = group[lane];
      const auto lane_start = Clock::now();
      LaneLink link(barrier, lane);
      try {
        RunOp(op, &link);
        barrier.Leave();
      } catch (const std::exception& error) {
        std::lock_guard<std::mutex> lock(mutex);
        if (failure.empty()) {
          failure = Failure(context_.role, program_.Describe(op), error);
          AbortAll(context_, failure);
        }
        barrier.Fail();
      }
      records_[op].seconds = Seconds(Clock::now() - lane_start) - link.seconds_waited();
    };
    std::vector<std::thread> lanes;
    for (size_t lane = 1; lane < group.size(); ++lane) lanes.emplace_back(run_lane, lane);
    run_lane(0);
    for (std::thread& lane : lanes) lane.join();
    if (!failure.empty()) throw RunError(failure);
    ShareSeconds(group, start);
  }

  // Lanes run at once: each gets a part of the group's time, in proportion to what it was busy, one after the other.
  void ShareSeconds(const Group& group, Clock::time_point start) {
    const double seconds = Seconds(Clock::now() - start);
    double at = Seconds(start - began_), busy = 1e-9;
    for (size_t op : group) busy += records_[op].seconds;
    for (size_t op : group) {
      records_[op].start = at;
      at += records_[op].seconds *= seconds / busy;
    }
  }

  void RunOp(size_t index, OnlineLink* online) {
    const Op& op = program_.ops[index];
    const TypedOp typed(program_, op);
    Operands operands;
    for (int id : op.in) operands.push_back(&values_[id]);
    WithParty(index, online, [&](Party& party) {
      values_[op.out].share = FindKernel(op.name).run(party, typed, operands);
      guard_ ^= party.guard();
    });
  }

  template <class F>
  void WithParty(size_t index, OnlineLink* online, F&& body) {
    std::optional<ChannelOfflineLink> offline;
    if (Channel* c = OfflineChannel()) offline.emplace(*c, Domain(index));
    Party party(context_.role, context_.keys, Domain(index), offline ? &*offline : nullptr, online);
    body(party);
    party.Finish();
    records_[index].cost = party.sent();
  }

  Channel* OfflineChannel() const {
    if (context_.role == Role::kP1) return nullptr;
    return Peer(context_.role == Role::kP0 ? Role::kP2 : Role::kP0);
  }
  Channel* OnlineChannel() const {
    if (context_.role == Role::kP0) return nullptr;
    return Peer(context_.role == Role::kP1 ? Role::kP2 : Role::kP1);
  }

 public:
  const std::string& at() const { return at_; }

 private:
  const PartyContext& context_;
  const Program& program_;
  const Schedule& schedule_;
  const uint64_t run_;
  const RunOptions& options_;
  std::vector<Value> values_;
  std::vector<OpRecord> records_;
  std::atomic<uint64_t> guard_{0};  // this party's part of the run's guard string; lanes add to it at once
  Clock::time_point began_;
  std::string at_;
};

}  // namespace

std::string NameOf(Role role) { return "P" + std::to_string(static_cast<int>(role)); }

RunResult Execute(const PartyContext& context, const Program& program, const Schedule& schedule, uint64_t run,
                  std::vector<Value> inputs, const RunOptions& options) {
  Execution execution(context, program, schedule, run, options);
  try {
    return execution.Run(std::move(inputs));
  } catch (const RunError&) {
    throw;
  } catch (const std::exception& error) {
    const std::string message = Failure(context.role, execution.at(), error);
    AbortAll(context, message);
    throw RunError(message);
  }
}

}  // namespace ditto
