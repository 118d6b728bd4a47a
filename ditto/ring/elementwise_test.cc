#include "ditto/ring/elementwise.h"

#include <gtest/gtest.h>

#include <functional>
#include <stdexcept>

#include "ditto/ring/random_tensor.h"

namespace ditto {
namespace {

constexpr int kWidths[] = {1, 2, 7, 20, 31, 32, 33, 40, 52, 63, 64};
const Shape kShape = {3, 1, 37};

uint64_t Reduce(uint64_t value, int width) { return value & WidthMask<uint64_t>(width); }

void ExpectValues(const Tensor& result, int width, const std::function<uint64_t(size_t)>& expected) {
  EXPECT_EQ(result.width(), width);
  EXPECT_EQ(result.shape(), kShape);
  const std::vector<uint64_t> got = Values(result);
  for (size_t i = 0; i < got.size(); ++i) ASSERT_EQ(got[i], Reduce(expected(i), width)) << "width " << width;
  if (width == 1) {
    EXPECT_EQ(Words(result), got);
  }
}

TEST(Elementwise, ArithmeticIsModuloTheRing) {
  std::mt19937_64 random(1);
  for (int width : kWidths) {
    const Tensor a = RandomTensor(kShape, width, random);
    const Tensor b = RandomTensor(kShape, width, random);
    const uint64_t scalar = random();
    const auto x = Values(a);
    const auto y = Values(b);
    ExpectValues(Add(a, b), width, [&](size_t i) { return x[i] + y[i]; });
    ExpectValues(Sub(a, b), width, [&](size_t i) { return x[i] - y[i]; });
    ExpectValues(Mul(a, b), width, [&](size_t i) { return x[i] * y[i]; });
    ExpectValues(Neg(a), width, [&](size_t i) { return -x[i]; });
    ExpectValues(AddScalar(a, scalar), width, [&](size_t i) { return x[i] + scalar; });
    ExpectValues(MulScalar(a, scalar), width, [&](size_t i) { return x[i] * scalar; });
    for (int bits : {0, width / 2, width - 1}) {
      ExpectValues(ShiftLeft(a, bits), width, [&](size_t i) { return x[i] << bits; });
    }
  }
}

TEST(Elementwise, Bits) {
  std::mt19937_64 random(2);
  const Tensor a = RandomTensor(kShape, 1, random);
  const Tensor b = RandomTensor(kShape, 1, random);
  const auto x = Values(a);
  const auto y = Values(b);
  ExpectValues(Xor(a, b), 1, [&](size_t i) { return x[i] ^ y[i]; });
  ExpectValues(And(a, b), 1, [&](size_t i) { return x[i] & y[i]; });
  ExpectValues(Not(a), 1, [&](size_t i) { return 1 - x[i]; });
}

TEST(Elementwise, ShiftRightBetweenEveryPairOfWords) {
  std::mt19937_64 random(3);
  for (int width : {2, 20, 32, 33, 52, 64}) {
    const Tensor a = RandomTensor(kShape, width, random);
    const auto x = Values(a);
    for (int width_in : {2, width / 2 + 1, width}) {
      for (int shift : {0, 1, width_in / 2, width_in - 1}) {
        for (int width_out : {1, 2, 24, 32, 36, 64}) {
          const uint64_t add = random();
          const Tensor result = ShiftRight(a, shift, add, width_in, width_out);
          ExpectValues(result, width_out, [&](size_t i) { return Reduce(x[i] + add, width_in) >> shift; });
          EXPECT_EQ(Words(result), Values(result));
        }
      }
    }
  }
}

TEST(Elementwise, NarrowAndWiden) {
  std::mt19937_64 random(4);
  for (int wide : kWidths) {
    for (int narrow : kWidths) {
      if (narrow > wide) continue;
      const Tensor a = RandomTensor(kShape, wide, random);
      const Tensor b = RandomTensor(kShape, narrow, random);
      const auto x = Values(a);
      const auto y = Values(b);
      ExpectValues(Narrow(a, narrow), narrow, [&](size_t i) { return x[i]; });
      ExpectValues(Widen(b, wide), wide, [&](size_t i) { return y[i]; });
      EXPECT_EQ(Words(Widen(b, wide)), y);
    }
  }
}

TEST(Elementwise, SignedValues) {
  std::mt19937_64 random(5);
  for (int width : kWidths) {
    const Tensor a = RandomTensor(kShape, width, random);
    const auto x = Values(a);
    const std::vector<int64_t> values = SignExtend(a);
    const int64_t half = int64_t{1} << (width - 1 < 62 ? width - 1 : 62);
    for (size_t i = 0; i < x.size(); ++i) {
      ASSERT_EQ(Reduce(static_cast<uint64_t>(values[i]), width), x[i]);
      if (width == 1) {
        ASSERT_GE(values[i], 0);
      } else if (width < 64) {
        ASSERT_GE(values[i], -half);
        ASSERT_LT(values[i], half);
      }
    }
    const Tensor back = FromSigned(values.data(), kShape, width);
    EXPECT_EQ(back.width(), width);
    EXPECT_EQ(Words(back), x);
  }
}

TEST(Elementwise, RefusesWhatDoesNotFit) {
  const Tensor a = Tensor::Zeros({2, 3}, 20);
  EXPECT_THROW(Add(a, Tensor::Zeros({3, 2}, 20)), std::invalid_argument);
  EXPECT_THROW(Mul(a, Tensor::Zeros({2, 3}, 21)), std::invalid_argument);
  EXPECT_THROW(Xor(a, a), std::invalid_argument);
  EXPECT_THROW(Not(a), std::invalid_argument);
  EXPECT_THROW(ShiftLeft(a, 20), std::invalid_argument);
  EXPECT_THROW(ShiftRight(a, 20, 0, 20, 20), std::invalid_argument);
  EXPECT_THROW(ShiftRight(a, 1, 0, 21, 20), std::invalid_argument);
  EXPECT_THROW(Narrow(a, 21), std::invalid_argument);
  EXPECT_THROW(Widen(a, 19), std::invalid_argument);
}

}  // namespace
}  // namespace ditto
