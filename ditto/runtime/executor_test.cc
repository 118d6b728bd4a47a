#include "ditto/runtime/executor.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <exception>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "ditto/net/memory_channel.h"
#include "ditto/protocols/testing.h"
#include "ditto/runtime/program_json.h"
#include "gtest/gtest.h"

namespace ditto {
namespace {

using testing::Reconstruct;
using testing::ShareOf;
using testing::TestKeys;
using testing::Views;

// The three parties' channels, kept to be read afterwards.
struct Connections {
  explicit Connections(std::chrono::milliseconds timeout = std::chrono::hours(1)) {
    for (int a = 0; a < 3; ++a) {
      for (int b = a + 1; b < 3; ++b) {
        ChannelOptions to_a, to_b;
        to_a.timeout = to_b.timeout = timeout;
        to_a.peer_name = "P" + std::to_string(a);
        to_b.peer_name = "P" + std::to_string(b);
        std::tie(at[a][b], at[b][a]) = MemoryChannelPair(to_b, to_a);
      }
    }
  }
  std::array<std::array<std::unique_ptr<Channel>, 3>, 3> at;
};

struct ThreeResults {
  std::array<RunResult, 3> parties;
  std::array<std::string, 3> errors;
};

ThreeResults RunAll(Connections& connections, const PairKeys& keys, const std::array<Program, 3>& programs,
                    const std::vector<Views>& inputs, const RunOptions& options = {}, uint64_t run = 0) {
  ThreeResults results;
  std::vector<std::thread> threads;
  for (int role = 0; role < 3; ++role) {
    threads.emplace_back([&, role] {
      PartyContext context{static_cast<Role>(role), keys, {}};
      for (int i = 0; i < 3; ++i) context.peers[i] = connections.at[role][i].get();
      std::vector<Value> mine;
      for (const Views& views : inputs) mine.push_back({views[role], Tensor()});
      try {
        results.parties[role] =
            Execute(context, programs[role], MakeSchedule(programs[role]), run, std::move(mine), options);
      } catch (const RunError& error) {
        results.errors[role] = error.what();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return results;
}

std::string ProgramText(const std::string& values, const std::string& inputs, const std::string& outputs,
                        const std::string& ops) {
  return R"({"format": "ditto-program", "version": 1, "name": "test", "constants": [], "values": [)" + values +
         R"(], "inputs": [)" + inputs + R"(], "outputs": [)" + outputs + R"(], "ops": [)" + ops + "]}";
}

// Four values that depend only on the inputs, of one, two and more rounds, and one that needs two of them.
const char kWide[] = R"({"kind": "fxp", "width": 32, "fraction": 8, "shape": [50]})";
const char kNarrow[] = R"({"kind": "fxp", "width": 24, "fraction": 8, "shape": [50], "range": 20})";
const char kBits[] = R"({"kind": "bit", "shape": [50]})";

Program Parallel() {
  const std::string w = kWide, n = kNarrow, b = kBits;
  return ParseProgram(ProgramText(w + "," + w + "," + n + "," + n + "," + b + "," + b + "," + n, "0, 1", "2, 3, 4, 6",
                                  R"({"op": "mul", "in": [0, 1], "out": [2], "attrs": {"shift": 8}, "layer": "a"},
                     {"op": "square", "in": [0], "out": [3], "attrs": {"shift": 8}, "layer": "a"},
                     {"op": "msb", "in": [0], "out": [4], "attrs": {"bits": 20, "drop": 0}, "layer": "b"},
                     {"op": "equal_zero", "in": [1], "out": [5], "attrs": {"bits": 6}, "layer": "b"},
                     {"op": "bit_mul", "in": [4, 2], "out": [6], "layer": "c"})"),
                      {});
}

std::vector<int64_t> Numbers(int64_t n, int64_t low, int64_t high) {
  std::mt19937_64 generator(n);
  std::uniform_int_distribution<int64_t> uniform(low, high);
  std::vector<int64_t> numbers(n);
  for (int64_t& x : numbers) x = uniform(generator);
  return numbers;
}

std::vector<int64_t> Output(const ThreeResults& results, size_t k) {
  const auto& p = results.parties;
  return Reconstruct(Views{p[0].outputs[k], p[1].outputs[k], p[2].outputs[k]});
}

TEST(Executor, ComputesAndSharesRounds) {
  const Program program = Parallel();
  const auto x = Numbers(50, -2000, 2000), y = Numbers(50, -3000, 3000);
  Connections connections;
  const auto results =
      RunAll(connections, TestKeys(), {program, program, program}, {ShareOf(x, {50}, 32), ShareOf(y, {50}, 32)});
  for (const std::string& error : results.errors) ASSERT_EQ(error, "");
  const auto product = Output(results, 0), square = Output(results, 1), negative = Output(results, 2),
             chosen = Output(results, 3);
  for (int i = 0; i < 50; ++i) {
    EXPECT_NEAR(product[i], x[i] * y[i] / 256.0, 1.2);
    EXPECT_NEAR(square[i], x[i] * x[i] / 256.0, 1.2);
    EXPECT_EQ(negative[i], x[i] < 0);
    EXPECT_EQ(chosen[i], x[i] < 0 ? product[i] : 0);
  }

  // What was declared is what went over the channels, frame by frame.
  const Schedule schedule = MakeSchedule(program);
  EXPECT_EQ(schedule, (Schedule{{0, 1, 2, 3}, {4}}));
  const Cost predicted = Total(PredictedRecords(program, schedule));
  const auto sent = [&](int from, int to) { return connections.at[from][to]->stats(); };
  int64_t most = 0;
  for (size_t op : schedule[0]) most = std::max(most, CostOf(TypedOp(program, program.ops[op])).rounds);
  EXPECT_GT(most, 1);
  EXPECT_EQ(predicted.rounds, most + 1);
  EXPECT_EQ(sent(1, 2).frames_sent, static_cast<uint64_t>(predicted.rounds));
  EXPECT_EQ(sent(2, 1).frames_sent, static_cast<uint64_t>(predicted.rounds));
  EXPECT_EQ(sent(1, 2).payload_bytes_sent + sent(2, 1).payload_bytes_sent, static_cast<uint64_t>(predicted.online));
  EXPECT_EQ(sent(0, 2).payload_bytes_sent, static_cast<uint64_t>(predicted.offline));
  EXPECT_EQ(sent(0, 1).frames_sent + sent(1, 0).frames_sent + sent(2, 0).frames_sent, 0u);
  const auto& p = results.parties;
  EXPECT_EQ(Total(p[1].records).rounds, predicted.rounds);
  EXPECT_EQ(Total(p[0].records) + Cost({0, Total(p[1].records).online + Total(p[2].records).online, predicted.rounds}),
            predicted);
  const auto layers = ByLayer(program, p[1].records);
  ASSERT_EQ(layers.size(), 3u);
  EXPECT_EQ(layers[1].name, "b");
  EXPECT_EQ(layers[1].count, 2);
}

TEST(Executor, WaitsForTheOfflineStreamIfAsked) {
  const Program program = Parallel();
  Connections connections;
  RunOptions options;
  options.offline_first = true;
  const auto x = Numbers(50, -2000, 2000);
  const auto results = RunAll(connections, TestKeys(), {program, program, program},
                              {ShareOf(x, {50}, 32), ShareOf(x, {50}, 32)}, options);
  for (const std::string& error : results.errors) ASSERT_EQ(error, "");
  EXPECT_NEAR(Output(results, 0)[7], x[7] * x[7] / 256.0, 1.2);
  // P1, to whom P2 has nothing to say meanwhile, hears after every group that P0 goes on, and then that it has ended.
  const Schedule schedule = MakeSchedule(program);
  const Cost predicted = Total(PredictedRecords(program, schedule));
  EXPECT_EQ(connections.at[2][1]->stats().frames_sent, static_cast<uint64_t>(predicted.rounds) + schedule.size() + 1);
}

// As Parallel, with the product, and that the first value is not negative, guarded.
Program GuardedProgram() {
  const std::string w = kWide, n = kNarrow, b = kBits;
  return ParseProgram(
      ProgramText(w + "," + w + "," + n + "," + n + "," + n + "," + b + "," + b + "," + n, "0, 1", "3, 4, 7",
                  R"({"op": "mul", "in": [0, 1], "out": [2], "attrs": {"shift": 8}, "layer": "a"},
                     {"op": "require_range", "in": [2], "out": [3], "attrs": {"bits": 18}, "layer": "a"},
                     {"op": "square", "in": [0], "out": [4], "attrs": {"shift": 8}, "layer": "a"},
                     {"op": "msb", "in": [0], "out": [5], "attrs": {"bits": 20, "drop": 0}, "layer": "b"},
                     {"op": "require_false", "in": [5], "out": [6], "layer": "b"},
                     {"op": "bit_mul", "in": [6, 3], "out": [7], "layer": "c"})"),
      {});
}

TEST(Executor, GuardsWithoutALaneOrARound) {
  const Program program = GuardedProgram();
  // The guarded product is there in the round after it; nothing waits for the guards.
  EXPECT_EQ(MakeSchedule(program), (Schedule{{0, 2, 3}, {1}, {4}, {5}}));
  const auto records = PredictedRecords(program, MakeSchedule(program));
  ASSERT_EQ(records.size(), program.ops.size() + 1);
  EXPECT_EQ(records[1].cost, (Cost{50, 0, 0}));
  EXPECT_EQ(records[4].cost, Cost{});
  EXPECT_EQ(records.back().cost, (Cost{400, 20, 2}));
  EXPECT_EQ(ByKind(program, records).back().name, "guard");
  EXPECT_EQ(ByLayer(program, records).back().name, "guard");
  EXPECT_EQ(PredictedRecords(Parallel(), MakeSchedule(Parallel())).size(), Parallel().ops.size());
}

TEST(Executor, WithholdsTheOutputsOfARunWithAValueOutOfItsRange) {
  const Program program = GuardedProgram();
  const Cost predicted = Total(PredictedRecords(program, MakeSchedule(program)));
  Connections connections;
  const PairKeys keys = TestKeys();
  const auto small = Numbers(50, 0, 2000);
  auto large = small, negative = small;
  large[49] = 6000;  // its square is 140,000 units; 2^18 are looked at
  negative[3] = -1;
  const struct {
    std::vector<int64_t> x;
    bool legal;
  } runs[] = {{small, true}, {large, false}, {negative, false}, {small, true}};
  uint64_t run = 0;
  for (const bool offline_first : {false, true}) {
    RunOptions options;
    options.offline_first = offline_first;
    for (const auto& [x, legal] : runs) {
      const Views shares = ShareOf(x, {50}, 32);
      const auto results = RunAll(connections, keys, {program, program, program}, {shares, shares}, options, run++);
      for (const std::string& error : results.errors) ASSERT_EQ(error, "");
      const auto& p = results.parties;
      EXPECT_FALSE(p[0].out_of_range);
      EXPECT_EQ(p[1].out_of_range, !legal);
      EXPECT_EQ(p[2].out_of_range, !legal);
      const Cost online{0, Total(p[1].records).online + Total(p[2].records).online, Total(p[1].records).rounds};
      EXPECT_EQ(Total(p[0].records) + online, predicted);
      if (legal) {
        EXPECT_NEAR(Output(results, 0)[7], x[7] * x[7] / 256.0, 1.2);
      } else {
        EXPECT_TRUE(p[1].outputs.empty() && p[2].outputs.empty());
      }
    }
  }
  const auto sent = [&](int from, int to) {
    return static_cast<int64_t>(connections.at[from][to]->stats().payload_bytes_sent);
  };
  EXPECT_EQ(sent(0, 2), 8 * predicted.offline);
  EXPECT_EQ(sent(1, 2) + sent(2, 1), 8 * predicted.online);
}

TEST(Executor, FailsEverywhereWhenProgramsDiffer) {
  const auto other = [](const std::string& size) {
    const std::string shape = R"("shape": [)" + size + "]}";
    return ParseProgram(ProgramText(R"({"kind": "fxp", "width": 32, "fraction": 8, )" + shape +
                                        R"(, {"kind": "fxp", "width": 24, "fraction": 8, )" + shape,
                                    "0", "1", R"({"op": "square", "in": [0], "out": [1], "attrs": {"shift": 8}})"),
                        {});
  };
  const Program ours = other("50"), theirs = other("60");
  Connections connections(std::chrono::milliseconds(500));
  std::vector<Views> inputs = {ShareOf(Numbers(50, 0, 9), {50}, 32)};
  inputs[0][2] = ShareOf(Numbers(60, 0, 9), {60}, 32)[2];
  const auto results = RunAll(connections, TestKeys(), {ours, ours, theirs}, inputs);
  EXPECT_NE(results.errors[1].find("op 0 (square)"), std::string::npos) << results.errors[1];
  EXPECT_NE(results.errors[2], "");
}

TEST(Executor, EndsBeforeTheNextOperationsOnceItIsCancelled) {
  const Program program = Parallel();
  Connections connections;
  const std::atomic<bool> cancelled{true};
  RunOptions options;
  options.cancelled = &cancelled;
  const Views shares = ShareOf(Numbers(50, 0, 9), {50}, 32);
  const auto results = RunAll(connections, TestKeys(), {program, program, program}, {shares, shares}, options);
  for (const std::string& error : results.errors) EXPECT_NE(error.find("interrupted"), std::string::npos) << error;
}

// A square, of one round, and a comparison, of more, of which nothing comes but guards.
TEST(Schedule, LetsGuardsWaitForARoundThatIsThere) {
  const std::string w = kWide, n = kNarrow, b = kBits;
  const auto ops = [](const std::string& between) {
    return R"({"op": "neg", "in": [0], "out": [1], "layer": "a"},
              {"op": "square", "in": [0], "out": [2], "attrs": {"shift": 8}, "layer": "a"},
              {"op": "require_range", "in": [2], "out": [3], "attrs": {"bits": 18}, "layer": "a"},)" +
           between + R"({"op": "msb", "in": [0], "out": [4], "attrs": {"bits": 30, "drop": 0}, "layer": "b"},
              {"op": "require_false", "in": [4], "out": [5], "layer": "b"})";
  };
  const std::string values = w + "," + w + "," + n + "," + n + "," + b + "," + b;
  // Where nothing else takes a round they run together.
  const Program guards = ParseProgram(ProgramText(values, "0", "1", ops("")), {});
  EXPECT_EQ(MakeSchedule(guards), (Schedule{{0}, {1, 3}, {2}, {4}}));
  // The square goes along with one that is returned, the comparison waits.
  const std::string returned = R"({"op": "square", "in": [1], "out": [6], "attrs": {"shift": 8}, "layer": "b"},)";
  const Program both = ParseProgram(ProgramText(values + "," + n, "0", "6", ops(returned)), {});
  EXPECT_EQ(MakeSchedule(both), (Schedule{{0}, {3, 1}, {2}, {4}, {5}}));
}

TEST(Schedule, TellsWhatValuesTake) {
  const std::string wide = R"({"kind": "fxp", "width": 40, "fraction": 0, "shape": [5]})";
  const std::string bits = R"({"kind": "bit", "shape": [5]})";
  const std::string chain = R"({"op": "neg", "in": [0], "out": [1], "attrs": {}},
                               {"op": "neg", "in": [1], "out": [2], "attrs": {}},
                               {"op": "neg", "in": [2], "out": [3], "attrs": {}},
                               {"op": "msb", "in": [3], "out": [4], "attrs": {"bits": 38, "drop": 0}})";
  const Program program =
      ParseProgram(ProgramText(wide + "," + wide + "," + wide + "," + wide + "," + bits, "0", "4", chain), {});
  EXPECT_EQ(BytesOf(program.values[1]), 2 * 5 * 8);
  EXPECT_EQ(BytesOf(program.values[4]), 2 * 5 * 1);
  // Two numbers of the chain at once; the input is not the run's.
  EXPECT_EQ(PeakBytes(program, MakeSchedule(program)), 2 * 80);
}

TEST(Executor, LanesFailTogether) {
  const Program program = Parallel();
  Connections connections;
  std::vector<Views> inputs = {ShareOf(Numbers(50, 0, 9), {50}, 32), ShareOf(Numbers(50, 0, 9), {50}, 32)};
  connections.at[0][2]->Abort("the cable is cut");
  const auto results = RunAll(connections, TestKeys(), {program, program, program}, inputs);
  for (int role : {0, 2}) EXPECT_NE(results.errors[role].find("the cable is cut"), std::string::npos);
  EXPECT_NE(results.errors[1].find("P2 failed in op"), std::string::npos) << results.errors[1];
}

}  // namespace
}  // namespace ditto
