#include "ditto/runtime/simulator.h"

#include <chrono>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "ditto/net/memory_channel.h"

namespace ditto {
namespace {

constexpr std::array<Role, 3> kRoles = {Role::kP0, Role::kP1, Role::kP2};

// Runs body(role) for all three at once and throws the error that came first.
template <class F>
void InParallel(F&& body) {
  std::mutex mutex;
  std::exception_ptr first;
  std::vector<std::thread> threads;
  for (Role role : kRoles) {
    threads.emplace_back([&, role] {
      try {
        body(role);
      } catch (...) {
        std::lock_guard<std::mutex> lock(mutex);
        if (!first) first = std::current_exception();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (first) std::rethrow_exception(first);
}

}  // namespace

Simulator::Simulator(ChannelOptions options, std::optional<LinkModel> link)
    : options_(std::move(options)), link_(link) {
  std::array<PeerChannels, 3> channels = Connect();
  InParallel([&](Role role) {
    const size_t i = static_cast<size_t>(role);
    parties_[i] = std::make_unique<Session>(role, std::move(channels[i]));
  });
}

std::array<PeerChannels, 3> Simulator::Connect() const {
  std::array<PeerChannels, 3> channels;
  for (size_t a = 0; a < 3; ++a) {
    for (size_t b = a + 1; b < 3; ++b) {
      ChannelOptions to_b = options_, to_a = options_;
      to_b.peer_name = NameOf(kRoles[b]);
      to_a.peer_name = NameOf(kRoles[a]);
      std::tie(channels[a][b], channels[b][a]) = MemoryChannelPair(to_b, to_a);
      for (auto* end : {&channels[a][b], &channels[b][a]}) {
        if (link_) *end = Shaped(std::move(*end), *link_);
      }
    }
  }
  return channels;
}

uint64_t Simulator::Put(const int64_t* values, const Shape& shape, int width) {
  const uint64_t id = next_id_++;
  auto& [p0, p1, p2] = parties_;
  const Tensor l1 = p1->Mask(id, shape, width), l2 = p2->Mask(id, shape, width);
  const Tensor m = MaskedInput(values, l1, l2);
  p1->SetMasked(id, m);
  p2->SetMasked(id, m);
  // What P0 would draw, without a second copy of it.
  p0->Put(id, Share{Tensor(), l1, l2});
  return id;
}

void Simulator::Drop(uint64_t id) {
  for (auto& party : parties_) party->Drop(id);
}

SimulatedRun Simulator::Run(const Program& program, const Schedule& schedule, const std::vector<Input>& inputs,
                            const RunOptions& options, const std::vector<size_t>& keep) {
  SimulatedRun run;
  for (size_t output : keep) run.kept.emplace(output, 0);
  for (auto& [output, id] : run.kept) id = next_id_++;
  const auto start = std::chrono::steady_clock::now();
  try {
    InParallel([&](Role role) {
      const size_t i = static_cast<size_t>(role);
      run.parties[i] = parties_[i]->Run(program, schedule, inputs, options, run.kept);
    });
  } catch (...) {
    // A party that was done before another failed has stored its part.
    for (const auto& [output, id] : run.kept) Drop(id);
    std::array<PeerChannels, 3> channels = Connect();
    for (size_t i = 0; i < 3; ++i) parties_[i]->Reconnect(std::move(channels[i]));
    throw;
  }
  run.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (run.parties[1].out_of_range || run.parties[2].out_of_range) {
    for (const auto& [output, id] : run.kept) Drop(id);
    throw RangeViolation();
  }
  for (size_t k = 0; k < program.outputs.size(); ++k) {
    if (run.kept.count(k) != 0) {
      run.outputs.emplace_back();
      continue;
    }
    const auto part = [&](Role role) { return RevealedPart(role, run.parties[static_cast<size_t>(role)].outputs[k]); };
    run.outputs.push_back(Reconstruct(part(Role::kP1), part(Role::kP2)));
  }
  for (RunResult& party : run.parties) party.outputs.clear();
  return run;
}

}  // namespace ditto
