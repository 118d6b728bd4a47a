#include "ditto/protocols/convolution.h"

#include "ditto/protocols/independence.h"
#include "ditto/protocols/multiply.h"
#include "ditto/protocols/testing.h"

namespace ditto {
namespace {

using namespace ditto::testing;

TEST(Conv2d, IsTheSumOverItsWindow) {
  const Shape in = {2, 7, 6, 3}, k = {3, 2, 3, 5};
  const std::vector<int64_t> strides = {2, 1};
  const auto x = Uniform(NumElements(in), -2000, 2000, 1), w = Uniform(NumElements(k), -2000, 2000, 2);
  const Views xs = ShareOf(x, in, 32), ws = ShareOf(w, k, 32);
  const auto run = RunThree([&](Party& p) { return Conv2d(p, Mine(xs, p), Mine(ws, p), strides, 8, 24); });
  const Shape out = Conv2dShape(in, k, strides);
  EXPECT_EQ(out, (Shape{2, 3, 5, 5}));
  ExpectConforms(run, MultiplyCost(NumElements(out), 8, 24));
  const auto z = Reconstruct(run.views);
  for (int64_t at = 0; at < NumElements(out); ++at) {
    const int64_t o = at % 5, column = at / 5 % 5, row = at / 25 % 3, n = at / 75;
    int64_t sum = 0;
    for (int64_t dy = 0; dy < 3; ++dy) {
      for (int64_t dx = 0; dx < 2; ++dx) {
        for (int64_t i = 0; i < 3; ++i) {
          sum += x[((n * 7 + 2 * row + dy) * 6 + column + dx) * 3 + i] * w[((dy * 2 + dx) * 3 + i) * 5 + o];
        }
      }
    }
    ASSERT_NEAR(static_cast<double>(z[at]), static_cast<double>(sum) / 256, 1.13);
  }
}

TEST(Conv2d, RefusesShapesThatDoNotFit) {
  EXPECT_THROW(Conv2dShape({1, 4, 4, 3}, {3, 3, 2, 8}, {1, 1}), std::invalid_argument);
  EXPECT_THROW(Conv2dShape({1, 2, 2, 3}, {3, 3, 3, 8}, {1, 1}), std::invalid_argument);
}

TEST(Conv2d, IsSeenAsUniform) {
  ExpectJointlyUniform({{20, 700, {1, 3, 2, 1}}, {20, -450, {2, 2, 1, 1}}}, [](Party& p, const Shares& x) {
    Conv2d(p, x[0], x[1], {1, 1}, 8, 12);
  });
}

}  // namespace
}  // namespace ditto
