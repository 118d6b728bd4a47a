#include "ditto/runtime/rehearsal.h"

#include <chrono>
#include <string>

#include "ditto/runtime/program_json.h"
#include "gtest/gtest.h"

namespace ditto {
namespace {

// `count` squares of one n x n matrix.
Program Squares(int n, int count) {
  const std::string shape = "\"shape\": [1, " + std::to_string(n) + ", " + std::to_string(n) + "]}";
  std::string values = R"({"kind": "fxp", "width": 32, "fraction": 8, )" + shape, ops;
  for (int i = 1; i <= count; ++i) {
    values += R"(, {"kind": "fxp", "width": 20, "fraction": 8, )" + shape;
    ops += std::string(i == 1 ? "" : ", ") + R"({"op": "matmul", "in": [0, 0], "out": [)" + std::to_string(i) +
           R"(], "attrs": {"shift": 8}, "layer": ""})";
  }
  return ParseProgram(R"({"format": "ditto-program", "version": 1, "name": "squares", "constants": [], "inputs": [0], )"
                      R"("outputs": [1], "values": [)" +
                          values + R"(], "ops": [)" + ops + "]}",
                      {});
}

TEST(Rehearse, CountsEveryOpAndTriesOneOfAKind) {
  const Computing one = Rehearse(Squares(128, 1));
  const auto start = std::chrono::steady_clock::now();
  const Computing many = Rehearse(Squares(128, 1000));
  const double taken = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  EXPECT_GT(one.dealing, 0);
  EXPECT_GT(one.online, 0);
  EXPECT_GT(many.dealing, 100 * one.dealing);
  EXPECT_GT(many.online, 100 * one.online);
  EXPECT_LT(taken, many.dealing + many.online);
}

TEST(Rehearse, LargerOpsTakeLonger) {
  EXPECT_GT(Rehearse(Squares(512, 1)).online, 4 * Rehearse(Squares(64, 1)).online);
}

TEST(Rehearse, NothingTakesNoTime) {
  const Computing none = Rehearse(Program());
  EXPECT_EQ(none.dealing, 0);
  EXPECT_EQ(none.online, 0);
}

}  // namespace
}  // namespace ditto
