#include "ditto/runtime/rehearsal.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ditto/net/tcp_channel.h"
#include "ditto/protocols/links.h"
#include "ditto/protocols/party.h"
#include "ditto/runtime/kernels.h"

namespace ditto {
namespace {

using Clock = std::chrono::steady_clock;

// Of one op, after one that finds the memory: a large one once, a small one several times.
constexpr size_t kMostRuns = 5;
constexpr double kEnoughSeconds = 0.02;

// Nothing here is a secret.
const PairKeys kKeys{};

double SecondsSince(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

double Median(std::vector<double> numbers) {
  std::sort(numbers.begin(), numbers.end());
  const size_t half = numbers.size() / 2;
  return numbers.size() % 2 == 1 ? numbers[half] : (numbers[half - 1] + numbers[half]) / 2;
}

std::string KindOf(const Program& program, const Op& op) {
  std::string kind = op.name;
  const auto add = [&](int id) {
    const ValueType& type = program.values[id];
    kind += ToString(type.shape) + (type.is_public() ? "p" : std::to_string(WordBytes(type.width)));
  };
  for (const int id : op.in) add(id);
  add(op.out);
  return kind;
}

// Over this machine's loopback interface: to send and to receive is a part of the work.
using ChannelPair = std::pair<std::unique_ptr<Channel>, std::unique_ptr<Channel>>;

ChannelPair Connected() {
  constexpr std::chrono::seconds kTimeout(60);
  const Identity first{SessionId{}, 1}, second{SessionId{}, 2};
  TcpListener listener("127.0.0.1", 0);
  auto accepted = std::async(std::launch::async, [&] {
    return std::move(listener.Accept(first, {{2, ChannelOptions()}}, kTimeout)[0]);
  });
  auto connected = ConnectTcp("127.0.0.1", listener.port(), second, {1, ChannelOptions()}, kTimeout);
  return {accepted.get(), std::move(connected)};
}

struct Connections {
  const ChannelPair offline = Connected();  // P0's end, P2's end
  const ChannelPair online = Connected();   // P1's end, P2's end
};

class OpRehearsal {
 public:
  OpRehearsal(const Connections& connections, const Program& program, const Op& op)
      : connections_(connections), op_(program, op), kernel_(FindKernel(op.name)) {
    Party dealer(Role::kP0, kKeys, kInputs, nullptr, nullptr);
    for (const int id : op.in) {
      const ValueType& type = program.values[id];
      std::array<Value, 3> views;
      if (type.is_public()) {
        for (Value& view : views) view.integers = PublicValue(program, id);
      } else {
        const Tensor m = dealer.Random(Pair::k01, type.shape, type.width);
        const Tensor l1 = dealer.Random(Pair::k01, type.shape, type.width);
        const Tensor l2 = dealer.Random(Pair::k02, type.shape, type.width);
        views[0].share = {Tensor(), l1, l2};
        views[1].share = {m, l1, Tensor()};
        views[2].share = {m, Tensor(), l2};
      }
      operands_.push_back(std::move(views));
    }
  }

  Computing Run() const {
    std::vector<double> dealing, online;
    RunOnce();
    const auto start = Clock::now();
    do {
      const Computing once = RunOnce();
      dealing.push_back(once.dealing);
      online.push_back(once.online);
    } while (online.size() < kMostRuns && SecondsSince(start) < kEnoughSeconds);
    return {Median(std::move(dealing)), Median(std::move(online))};
  }

 private:
  static constexpr uint64_t kInputs = 0, kCall = 1;

  // Zeros are right for indices, whatever they lead into.
  static Tensor PublicValue(const Program& program, int id) {
    for (size_t i = 0; i < program.constants.size(); ++i) {
      if (program.constants[i] == id) return program.constant_values[i];
    }
    return Tensor::Zeros(program.values[id].shape, kMaxWidth);
  }

  Computing RunOnce() const {
    const auto& [offline, online] = connections_;
    Computing taken;
    taken.dealing = Perform(Role::kP0, offline.first.get(), nullptr);
    auto p1 =
        std::async(std::launch::async, [&, end = online.first.get()] { return Perform(Role::kP1, nullptr, end); });
    const double p2 = Perform(Role::kP2, offline.second.get(), online.second.get());
    // Whoever began later has not waited for the other to begin.
    taken.online = std::min(p1.get(), p2);
    return taken;
  }

  // The party's seconds.
  double Perform(Role role, Channel* offline, Channel* online) const {
    Operands operands;
    for (const auto& views : operands_) operands.push_back(&views[static_cast<size_t>(role)]);
    std::optional<ChannelOfflineLink> stream;
    std::optional<ChannelOnlineLink> exchange;
    if (offline != nullptr) stream.emplace(*offline, kCall);
    if (online != nullptr) exchange.emplace(*online, kCall);
    const auto start = Clock::now();
    Party party(role, kKeys, kCall, stream ? &*stream : nullptr, exchange ? &*exchange : nullptr);
    const Share result = kernel_.run(party, op_, operands);
    party.Finish();
    return SecondsSince(start);
  }

  const Connections& connections_;
  const TypedOp op_;
  const Kernel& kernel_;
  std::vector<std::array<Value, 3>> operands_;  // of P0, P1, P2
};

}  // namespace

Computing Rehearse(const Program& program) {
  std::unordered_map<std::string, std::vector<const Op*>> kinds;
  for (const Op& op : program.ops) kinds[KindOf(program, op)].push_back(&op);
  const Connections connections;
  Computing total;
  for (const auto& [kind, ops] : kinds) {
    // Neither the first layer nor the last is like the others.
    const Computing one = OpRehearsal(connections, program, *ops[ops.size() / 2]).Run();
    const double count = static_cast<double>(ops.size());
    total.dealing += count * one.dealing;
    total.online += count * one.online;
  }
  return total;
}

}  // namespace ditto
