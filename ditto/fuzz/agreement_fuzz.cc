// What P1 and P2 make of each other's and P0's frames before a run: none but the right ones let it begin.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <string>

#include "ditto/fuzz/fuzz.h"
#include "ditto/net/memory_channel.h"
#include "ditto/runtime/run_agreement.h"

using namespace ditto;

namespace {

constexpr uint64_t kTag = 1, kRun = 3;

// What `from` tells `to` if all is well.
Bytes Right(Role from, Role to, const Program& program, const std::string& given, const std::string& masked) {
  auto [near, far] = MemoryChannelPair(ChannelOptions());
  std::array<Channel*, 3> peers{};
  peers[static_cast<int>(to)] = near.get();
  const RunAgreement agreement(from, peers, kTag, kRun, program, given, masked);
  return far->Receive(kTag);
}

}  // namespace

// Byte 0: who listens. Byte 1: how many of the following bytes P0 says; the other party says the rest.
int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const Role self = data[0] % 2 ? Role::kP1 : Role::kP2, other = data[0] % 2 ? Role::kP2 : Role::kP1;
  const size_t split = std::min<size_t>(data[1], size - 2);
  const Bytes from_p0(data + 2, data + 2 + split), from_other(data + 2 + split, data + size);

  Program program;
  program.hash = "program";
  const std::string given = "given", masked = "masked";
  auto [to_p0, p0] = MemoryChannelPair(ChannelOptions());
  auto [to_other, far] = MemoryChannelPair(ChannelOptions());
  p0->Send(kTag, from_p0);
  far->Send(kTag, from_other);
  far->Send(kTag + 1, {7});
  std::array<Channel*, 3> peers{};
  peers[0] = to_p0.get();
  peers[static_cast<int>(other)] = to_other.get();
  RunAgreement agreement(self, peers, kTag, kRun, program, given, masked);
  bool opened = false;
  try {
    opened = agreement.channels()[static_cast<int>(other)]->Receive(kTag + 1) == Bytes{7};
  } catch (const ChannelError&) {
  }
  const bool right = from_p0 == Right(Role::kP0, self, program, given, masked) &&
                     from_other == Right(other, self, program, given, masked);
  if (opened != right) std::abort();
  return 0;
}
