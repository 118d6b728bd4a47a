#include "ditto/runtime/session.h"

#include <array>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "ditto/net/memory_channel.h"
#include "ditto/runtime/program_json.h"
#include "gtest/gtest.h"

namespace ditto {
namespace {

const Shape kShape = {3};
constexpr int kWidth = 20;
constexpr std::array<int64_t, 3> kValues = {1, -2, 3};

std::array<PeerChannels, 3> Connected() {
  std::array<PeerChannels, 3> channels;
  for (int a = 0; a < 3; ++a) {
    for (int b = a + 1; b < 3; ++b) std::tie(channels[a][b], channels[b][a]) = MemoryChannelPair(ChannelOptions());
  }
  return channels;
}

// Sessions that have agreed on keys.
std::array<std::unique_ptr<Session>, 3> OpenOver(std::array<PeerChannels, 3> channels, bool with_p0 = true) {
  std::array<std::unique_ptr<Session>, 3> sessions;
  std::vector<std::thread> threads;
  for (int i = with_p0 ? 0 : 1; i < 3; ++i) {
    if (!with_p0) channels[static_cast<size_t>(i)][0] = nullptr;
    threads.emplace_back(
        [&, i] { sessions[i] = std::make_unique<Session>(static_cast<Role>(i), std::move(channels[i])); });
  }
  for (std::thread& thread : threads) thread.join();
  return sessions;
}

// Three, or P1 and P2 alone.
std::array<std::unique_ptr<Session>, 3> Open(bool with_p0 = true) { return OpenOver(Connected(), with_p0); }

TEST(Session, AgreeingOnKeysCanBeCancelled) {
  PeerChannels channels;
  auto [one, first] = MemoryChannelPair(ChannelOptions());
  auto [two, second] = MemoryChannelPair(ChannelOptions());
  channels[1] = std::move(one);
  channels[2] = std::move(two);
  Cancellation cancellation;
  std::string error;
  std::thread opening([&] {
    try {
      Session(Role::kP0, std::move(channels), &cancellation);
    } catch (const ChannelError& e) {
      error = e.what();
    }
  });
  // P1 has got P0's half of their key, and says nothing.
  EXPECT_EQ(first->Receive(~uint64_t{0}).size(), sizeof(PrgKey));
  cancellation.Cancel("the caller has left");
  opening.join();
  EXPECT_NE(error.find("the caller has left"), std::string::npos) << error;
  try {
    second->Receive(1);
    ADD_FAILURE() << "P2 waits on";
  } catch (const ChannelError& e) {
    EXPECT_NE(std::string(e.what()).find("the caller has left"), std::string::npos) << e.what();
  }
}

std::string ErrorOfSetMasked(Session& session, uint64_t id, const Tensor& m) {
  try {
    session.SetMasked(id, m);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

TEST(Session, AValueTakesItsMaskedInputOnce) {
  const auto sessions = Open();
  const Tensor l1 = sessions[1]->Mask(0, kShape, kWidth), l2 = sessions[2]->Mask(0, kShape, kWidth);
  const Tensor m = MaskedInput(kValues.data(), l1, l2);
  for (int role : {1, 2}) {
    EXPECT_EQ(ErrorOfSetMasked(*sessions[role], 0, m), "");
    EXPECT_EQ(ErrorOfSetMasked(*sessions[role], 0, m), "value 0 has its masked input already");
  }
}

TEST(Session, WhatWasNotStartedOrDoesNotFitIsRefused) {
  const auto sessions = Open();
  const Tensor l1 = sessions[1]->Mask(0, kShape, kWidth), l2 = sessions[2]->Mask(0, kShape, kWidth);
  const Tensor m = MaskedInput(kValues.data(), l1, l2);
  EXPECT_EQ(ErrorOfSetMasked(*sessions[1], 1, m), "value 1 was not started");
  EXPECT_EQ(ErrorOfSetMasked(*sessions[1], 0, Tensor(kShape, kWidth + 1)), "the masked input does not fit value 0");
  EXPECT_EQ(ErrorOfSetMasked(*sessions[1], 0, m), "");
}

TEST(Session, P0NeverHoldsAMaskedInput) {
  const auto sessions = Open();
  EXPECT_FALSE(sessions[0]->Mask(0, kShape, kWidth).held());
  EXPECT_EQ(ErrorOfSetMasked(*sessions[0], 0, Tensor(kShape, kWidth)), "P0 must not hold a masked input");
}

TEST(Session, AnIdStartsOneValueOnly) {
  const auto sessions = Open();
  sessions[1]->Mask(5, kShape, kWidth);
  EXPECT_THROW(sessions[1]->Mask(5, kShape, kWidth), std::invalid_argument);
  sessions[1]->Drop(5);
  EXPECT_THROW(sessions[1]->Mask(5, kShape, kWidth), std::invalid_argument);
}

// Doubles one input of kShape, by an operation in which nobody talks; squares it, which takes all parties.
Program Double() {
  return ParseProgram(R"({"format": "ditto-program", "version": 1, "name": "double",
    "inputs": [0], "outputs": [1], "constants": [],
    "values": [{"kind": "fxp", "width": 20, "fraction": 0, "shape": [3]},
               {"kind": "fxp", "width": 20, "fraction": 0, "shape": [3]}],
    "ops": [{"op": "add", "in": [0, 0], "out": [1], "attrs": {}, "layer": ""}]})",
                      {});
}
Program Square() {
  return ParseProgram(R"({"format": "ditto-program", "version": 1, "name": "square",
    "inputs": [0], "outputs": [1], "constants": [],
    "values": [{"kind": "fxp", "width": 20, "fraction": 0, "shape": [3]},
               {"kind": "fxp", "width": 20, "fraction": 0, "shape": [3]}],
    "ops": [{"op": "square", "in": [0], "out": [1], "attrs": {"shift": 0}, "layer": ""}]})",
                      {});
}

// What is kept of one run is an input of the next, and what nobody kept is not.
TEST(Session, AKeptOutputIsAnInput) {
  const Program program = Double();
  const auto sessions = Open();
  const Tensor l1 = sessions[1]->Mask(0, kShape, kWidth), l2 = sessions[2]->Mask(0, kShape, kWidth);
  sessions[0]->Mask(0, kShape, kWidth);
  for (int role : {1, 2}) sessions[role]->SetMasked(0, MaskedInput(kValues.data(), l1, l2));
  std::array<Tensor, 3> parts;
  const auto run = [&](uint64_t from, const Kept& kept) {
    std::array<std::string, 3> errors;
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([&, i] {
        try {
          const RunResult result = sessions[i]->Run(program, MakeSchedule(program), {from}, {}, kept);
          parts[i] = RevealedPart(sessions[i]->role(), result.outputs[0]);
        } catch (const std::invalid_argument& error) {
          errors[i] = error.what();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    return errors;
  };
  EXPECT_EQ(run(0, {{0, 1}}), (std::array<std::string, 3>{}));
  EXPECT_EQ(run(1, {}), (std::array<std::string, 3>{}));
  EXPECT_EQ(Reconstruct(parts[1], parts[2]), (std::vector<int64_t>{4, -8, 12}));
  EXPECT_EQ(run(1, {{1, 2}})[1], "the program has no output 1 to keep");
}

// Party i runs programs[i] on value 0, which it holds; what each is told.
std::array<std::string, 3> RunAll(const std::array<std::unique_ptr<Session>, 3>& sessions,
                                  const std::array<Program, 3>& programs) {
  std::array<std::string, 3> errors;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&, i] {
      try {
        sessions[i]->Run(programs[i], MakeSchedule(programs[i]), {uint64_t{0}}, {});
      } catch (const RunError& error) {
        errors[i] = error.what();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return errors;
}

void Share0(const std::array<std::unique_ptr<Session>, 3>& sessions) {
  sessions[0]->Mask(0, kShape, kWidth);
  const Tensor l1 = sessions[1]->Mask(0, kShape, kWidth), l2 = sessions[2]->Mask(0, kShape, kWidth);
  for (int role : {1, 2}) sessions[role]->SetMasked(0, MaskedInput(kValues.data(), l1, l2));
}

void ExpectNames(const std::string& error, const std::string& one, const std::string& other) {
  EXPECT_NE(error.find(one), std::string::npos) << error;
  EXPECT_NE(error.find(other), std::string::npos) << error;
}

TEST(Session, ARunOfAnotherProgramIsRefusedByWhoeverReveals) {
  for (int other = 0; other < 3; ++other) {
    for (const auto& [right, wrong] : {std::pair(Square(), Double()), std::pair(Double(), Square())}) {
      const auto sessions = Open();
      Share0(sessions);
      EXPECT_EQ(RunAll(sessions, {right, right, right}), (std::array<std::string, 3>{}));
      std::array<Program, 3> programs = {right, right, right};
      programs[static_cast<size_t>(other)] = wrong;
      const auto errors = RunAll(sessions, programs);
      for (int role : {1, 2}) ExpectNames(errors[role], "run 1 of program " + right.hash, wrong.hash);
    }
  }
}

TEST(Session, APartyThatMadeOneRunMoreIsFound) {
  const auto sessions = Open();
  Share0(sessions);
  const Program program = Square(), extra = Double();
  sessions[0]->Run(extra, MakeSchedule(extra), {uint64_t{0}}, {});
  const auto errors = RunAll(sessions, {program, program, program});
  for (int role : {1, 2}) ExpectNames(errors[role], "run 0 of program " + program.hash, extra.hash);
}

TEST(Session, APartyThatHasLostARunIsFound) {
  const auto sessions = Open();
  Share0(sessions);
  const Program program = Square();
  EXPECT_THROW(sessions[1]->Run(program, MakeSchedule(program), {uint64_t{7}}, {}), std::invalid_argument);
  auto channels = Connected();
  for (int i = 0; i < 3; ++i) sessions[i]->Reconnect(std::move(channels[i]));
  const auto errors = RunAll(sessions, {program, program, program});
  for (int role : {1, 2}) ExpectNames(errors[role], "is at run ", " at run 1 of program " + program.hash);
}

// Adds a stored value to the square of an argument.
Program SquarePlus() {
  return ParseProgram(R"({"format": "ditto-program", "version": 1, "name": "square plus",
    "inputs": [0, 1], "outputs": [3], "constants": [],
    "values": [{"kind": "fxp", "width": 20, "fraction": 0, "shape": [3]},
               {"kind": "fxp", "width": 20, "fraction": 0, "shape": [3]},
               {"kind": "fxp", "width": 20, "fraction": 0, "shape": [3]},
               {"kind": "fxp", "width": 20, "fraction": 0, "shape": [3]}],
    "ops": [{"op": "square", "in": [1], "out": [2], "attrs": {"shift": 0}, "layer": ""},
            {"op": "add", "in": [0, 2], "out": [3], "attrs": {}, "layer": ""}]})",
                      {});
}

// What all parties have dealt for a run on value 0 and an argument.
std::array<Dealt, 3> DealAll(const std::array<std::unique_ptr<Session>, 3>& sessions, const Program& program) {
  std::array<Dealt, 3> dealt;
  std::vector<std::thread> threads;
  for (size_t i = 0; i < 3; ++i) {
    threads.emplace_back([&, i] {
      dealt[i] = sessions[i]->Deal(program, MakeSchedule(program), {uint64_t{0}, Argument{0}}, "of this model");
    });
  }
  for (std::thread& thread : threads) thread.join();
  return dealt;
}

// What P1 and P2 tell of a run that was prepared, on value 0 and an argument.
std::array<Tensor, 3> RunPrepared(const std::array<std::unique_ptr<Session>, 3>& sessions, const Program& program,
                                  uint64_t id, const int64_t* argument) {
  const Tensor l1 = sessions[1]->Mask(id, kShape, kWidth), l2 = sessions[2]->Mask(id, kShape, kWidth);
  std::array<Tensor, 3> parts;
  std::vector<std::thread> threads;
  for (size_t role : {1, 2}) {
    sessions[role]->SetMasked(id, MaskedInput(argument, l1, l2));
    threads.emplace_back([&, role] {
      const RunResult result = sessions[role]->Run(program, MakeSchedule(program), {uint64_t{0}, id}, {});
      parts[role] = RevealedPart(sessions[role]->role(), result.outputs[0]);
    });
  }
  for (std::thread& thread : threads) thread.join();
  return parts;
}

TEST(Session, WhatWasDealtRunsWithoutP0) {
  const Program program = SquarePlus();
  std::array<Dealt, 3> first, second;
  std::array<Share, 3> stored;
  {
    const auto sessions = Open();
    Share0(sessions);
    first = DealAll(sessions, program);
    second = DealAll(sessions, program);
    for (size_t role : {1, 2}) stored[role] = sessions[role]->Get(0);
  }
  EXPECT_TRUE(first[0].stream.empty() && first[1].stream.empty());
  EXPECT_NE(first[1].key, second[1].key);
  EXPECT_NE(first[2].stream, second[2].stream);

  const auto sessions = Open(false);
  for (size_t role : {1, 2}) sessions[role]->Put(0, stored[role]);
  // In another order than dealt.
  uint64_t id = 1, number = 0;
  for (auto* dealt : {&second, &first}) {
    for (size_t role : {1, 2}) sessions[role]->Prepare(std::move((*dealt)[role]), number);
    ++number;
    constexpr std::array<int64_t, 3> kArgument = {5, 6, -7};
    const auto parts = RunPrepared(sessions, program, id++, kArgument.data());
    EXPECT_EQ(Reconstruct(parts[1], parts[2]), (std::vector<int64_t>{26, 34, 52}));
  }
}

TEST(Session, WhoWaitsForADealHearsThatItGoesOn) {
  auto channels = Connected();
  const std::array<Channel*, 2> from_p2 = {channels[2][0].get(), channels[2][1].get()};
  const Channel* const from_p0 = channels[0][2].get();
  const auto sessions = OpenOver(std::move(channels));
  Share0(sessions);
  std::array<uint64_t, 2> before;
  for (size_t i = 0; i < 2; ++i) before[i] = from_p2[i]->stats().frames_sent;
  const uint64_t dealt_before = from_p0->stats().frames_sent;
  DealAll(sessions, SquarePlus());
  // Besides what they agree on, a frame for each of P0's, the last of which is empty.
  const uint64_t dealt = from_p0->stats().frames_sent - dealt_before;
  EXPECT_GT(dealt, 2u);
  for (size_t i = 0; i < 2; ++i) EXPECT_EQ(from_p2[i]->stats().frames_sent - before[i], dealt);
}

TEST(Session, WithoutP0NothingHappensThatWasNotDealt) {
  const auto with = Open(), without = Open(false);
  EXPECT_THROW(without[1]->Mask(0, kShape, kWidth), std::invalid_argument);
  EXPECT_THROW(with[1]->Prepare({}, 0), std::invalid_argument);
  without[1]->Prepare({}, 0);
  EXPECT_THROW(without[1]->Prepare({}, 0), std::invalid_argument);
  without[2]->Put(0, {Tensor(kShape, kWidth), Tensor(), Tensor(kShape, kWidth)});
  const Program program = Double();
  EXPECT_THROW(without[2]->Run(program, MakeSchedule(program), {uint64_t{0}}, {}), std::invalid_argument);
}

TEST(Session, EveryPairIsProbed) {
  const auto sessions = Open();
  std::array<std::map<int, LinkSpeed>, 3> found;
  std::vector<std::thread> threads;
  for (size_t i = 0; i < 3; ++i) {
    threads.emplace_back([&, i] { found[i] = sessions[i]->Probe(); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(found[0].size(), 2u);
  EXPECT_EQ(found[1].size(), 1u);
  EXPECT_TRUE(found[2].empty());
  for (const auto& [peer, speed] : found[0]) EXPECT_GT(speed.bits_per_second, 1e6) << peer;
}

TEST(Session, PartiesThatDealDifferentRunsAreFound) {
  const auto sessions = Open();
  Share0(sessions);
  std::array<std::string, 3> errors;
  std::vector<std::thread> threads;
  for (size_t i = 0; i < 3; ++i) {
    threads.emplace_back([&, i] {
      const Program program = i == 1 ? Double() : Square();
      try {
        sessions[i]->Deal(program, MakeSchedule(program), {uint64_t{0}}, "");
      } catch (const std::exception& error) {
        errors[i] = error.what();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& error : errors) EXPECT_NE(error.find("different deals"), std::string::npos) << error;
}

}  // namespace
}  // namespace ditto
