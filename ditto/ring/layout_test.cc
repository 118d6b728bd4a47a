#include "ditto/ring/layout.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <stdexcept>

#include "ditto/ring/random_tensor.h"

namespace ditto {
namespace {

constexpr int kWidths[] = {1, 24, 50};
constexpr int kTrials = 200;

int64_t Draw(std::mt19937_64& random, int64_t low, int64_t high) {
  return low + static_cast<int64_t>(random() % static_cast<uint64_t>(high - low + 1));
}

Shape RandomShape(std::mt19937_64& random, int64_t low = 0) {
  Shape shape(static_cast<size_t>(Draw(random, 0, 4)));
  // Sizes beyond the transposition's blocks now and then.
  for (int64_t& d : shape) d = Draw(random, 0, 9) == 0 ? Draw(random, low, 40) : Draw(random, low, 5);
  return shape;
}

Dims RandomOrder(size_t rank, std::mt19937_64& random) {
  Dims order(rank);
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), random);
  return order;
}

// Calls f with every index of the shape in row-major order.
void ForEachIndex(const Shape& shape, const std::function<void(const Dims&)>& f) {
  if (NumElements(shape) == 0) return;
  Dims index(shape.size(), 0);
  for (;;) {
    f(index);
    size_t i = shape.size();
    while (i > 0 && ++index[i - 1] == shape[i - 1]) index[--i] = 0;
    if (i == 0) return;
  }
}

int64_t Flat(const Shape& shape, const Dims& index) {
  int64_t flat = 0;
  for (size_t i = 0; i < shape.size(); ++i) flat = flat * shape[i] + index[i];
  return flat;
}

// The result's value at an index must be the operand's at source(index), or 0 where that is -1.
void ExpectGathered(const Tensor& a, const Tensor& result, const Shape& shape,
                    const std::function<int64_t(const Dims&)>& source) {
  ASSERT_EQ(result.shape(), shape);
  ASSERT_EQ(result.width(), a.width());
  const auto from = Values(a);
  std::vector<uint64_t> expected;
  ForEachIndex(shape, [&](const Dims& index) {
    const int64_t i = source(index);
    expected.push_back(i < 0 ? 0 : from[i]);
  });
  ASSERT_EQ(Values(result), expected) << "from " << ToString(a.shape()) << " to " << ToString(shape);
}

class LayoutTest : public testing::TestWithParam<int> {
 protected:
  std::mt19937_64 random{7};
  int width = GetParam();
};
INSTANTIATE_TEST_SUITE_P(Words, LayoutTest, testing::ValuesIn(kWidths));

TEST_P(LayoutTest, Transpose) {
  for (int trial = 0; trial < kTrials; ++trial) {
    const Tensor a = RandomTensor(RandomShape(random), width, random);
    const Dims perm = RandomOrder(a.shape().size(), random);
    Shape shape;
    for (int64_t d : perm) shape.push_back(a.shape()[d]);
    ExpectGathered(a, Transpose(a, perm), shape, [&](const Dims& index) {
      Dims from(perm.size());
      for (size_t i = 0; i < perm.size(); ++i) from[perm[i]] = index[i];
      return Flat(a.shape(), from);
    });
  }
}

TEST_P(LayoutTest, Broadcast) {
  for (int trial = 0; trial < kTrials; ++trial) {
    const Shape shape = RandomShape(random);
    Dims dims = RandomOrder(shape.size(), random);
    dims.resize(static_cast<size_t>(Draw(random, 0, static_cast<int64_t>(dims.size()))));
    Shape operand;
    for (int64_t d : dims) operand.push_back(Draw(random, 0, 2) == 0 ? 1 : shape[d]);
    const Tensor a = RandomTensor(operand, width, random);
    ExpectGathered(a, Broadcast(a, shape, dims), shape, [&](const Dims& index) {
      Dims from(dims.size());
      for (size_t i = 0; i < dims.size(); ++i) from[i] = operand[i] == 1 ? 0 : index[dims[i]];
      return Flat(operand, from);
    });
  }
}

TEST_P(LayoutTest, Slice) {
  for (int trial = 0; trial < kTrials; ++trial) {
    const Tensor a = RandomTensor(RandomShape(random), width, random);
    Dims start, limit, stride;
    Shape shape;
    for (int64_t d : a.shape()) {
      start.push_back(Draw(random, 0, d));
      limit.push_back(Draw(random, start.back(), d));
      stride.push_back(Draw(random, 1, 3));
      int64_t count = 0;
      for (int64_t i = start.back(); i < limit.back(); i += stride.back()) ++count;
      shape.push_back(count);
    }
    ExpectGathered(a, Slice(a, start, limit, stride), shape, [&](const Dims& index) {
      Dims from(index.size());
      for (size_t i = 0; i < from.size(); ++i) from[i] = start[i] + index[i] * stride[i];
      return Flat(a.shape(), from);
    });
  }
}

TEST_P(LayoutTest, ConcatIsUndoneBySlices) {
  for (int trial = 0; trial < kTrials; ++trial) {
    Shape shape = RandomShape(random);
    if (shape.empty()) shape = {3};
    const int64_t dim = Draw(random, 0, static_cast<int64_t>(shape.size()) - 1);
    std::vector<Tensor> parts;
    for (int64_t i = Draw(random, 1, 4); i > 0; --i) {
      shape[dim] = Draw(random, 0, 5);
      parts.push_back(RandomTensor(shape, width, random));
    }
    const Tensor whole = Concat(parts, dim);
    Dims start(shape.size(), 0);
    for (const Tensor& part : parts) {
      Dims limit = part.shape();
      limit[dim] += start[dim];
      const Tensor piece = Slice(whole, start, limit, Dims(shape.size(), 1));
      EXPECT_EQ(piece.shape(), part.shape());
      EXPECT_EQ(Values(piece), Values(part));
      start[dim] = limit[dim];
    }
    EXPECT_EQ(whole.shape()[dim], start[dim]);
  }
}

TEST_P(LayoutTest, Pad) {
  for (int trial = 0; trial < kTrials; ++trial) {
    const Tensor a = RandomTensor(RandomShape(random), width, random);
    Dims low, high, interior;
    Shape shape;
    for (int64_t d : a.shape()) {
      low.push_back(Draw(random, 0, 2));
      high.push_back(Draw(random, 0, 2));
      interior.push_back(Draw(random, 0, 2));
      shape.push_back(low.back() + high.back() + (d == 0 ? 0 : d + (d - 1) * interior.back()));
    }
    ExpectGathered(a, Pad(a, low, high, interior), shape, [&](const Dims& index) -> int64_t {
      Dims from(index.size());
      for (size_t i = 0; i < from.size(); ++i) {
        const int64_t at = index[i] - low[i];
        from[i] = at / (interior[i] + 1);
        if (at < 0 || at % (interior[i] + 1) != 0 || from[i] >= a.shape()[i]) return -1;
      }
      return Flat(a.shape(), from);
    });
  }
}

TEST_P(LayoutTest, Reverse) {
  for (int trial = 0; trial < kTrials; ++trial) {
    const Tensor a = RandomTensor(RandomShape(random), width, random);
    Dims dims = RandomOrder(a.shape().size(), random);
    dims.resize(static_cast<size_t>(Draw(random, 0, static_cast<int64_t>(dims.size()))));
    ExpectGathered(a, Reverse(a, dims), a.shape(), [&](const Dims& index) {
      Dims from = index;
      for (int64_t d : dims) from[d] = a.shape()[d] - 1 - index[d];
      return Flat(a.shape(), from);
    });
  }
}

TEST_P(LayoutTest, Take) {
  for (int trial = 0; trial < kTrials; ++trial) {
    const Tensor a = RandomTensor(RandomShape(random, 1), width, random);
    const Shape shape = RandomShape(random);
    Dims indices;
    for (int64_t i = 0; i < NumElements(shape); ++i) indices.push_back(Draw(random, -1, a.size() - 1));
    ExpectGathered(a, Take(a, indices.data(), shape), shape,
                   [&](const Dims& index) { return indices[Flat(shape, index)]; });
  }
}

TEST(Layout, Sum) {
  std::mt19937_64 random(8);
  for (int width : {20, 32, 40, 64}) {
    for (int trial = 0; trial < kTrials; ++trial) {
      const Tensor a = RandomTensor(RandomShape(random), width, random);
      Dims dims = RandomOrder(a.shape().size(), random);
      dims.resize(static_cast<size_t>(Draw(random, 0, static_cast<int64_t>(dims.size()))));
      Dims kept;
      Shape shape;
      for (size_t i = 0; i < a.shape().size(); ++i) {
        if (std::count(dims.begin(), dims.end(), static_cast<int64_t>(i)) > 0) continue;
        kept.push_back(static_cast<int64_t>(i));
        shape.push_back(a.shape()[i]);
      }
      std::vector<uint64_t> expected(NumElements(shape), 0);
      const auto values = Values(a);
      ForEachIndex(a.shape(), [&](const Dims& index) {
        Dims to;
        for (int64_t d : kept) to.push_back(index[d]);
        expected[Flat(shape, to)] += values[Flat(a.shape(), index)];
      });
      for (uint64_t& value : expected) value &= WidthMask<uint64_t>(width);
      const Tensor sum = Sum(a, dims);
      ASSERT_EQ(sum.shape(), shape);
      ASSERT_EQ(Values(sum), expected) << ToString(a.shape()) << " over " << ToString(dims);
    }
  }
}

TEST(Layout, RefusesWhatDoesNotFit) {
  const Tensor a = Tensor::Zeros({2, 3}, 20);
  EXPECT_THROW(Transpose(a, {0}), std::invalid_argument);
  EXPECT_THROW(Transpose(a, {0, 0}), std::invalid_argument);
  EXPECT_THROW(Transpose(a, {0, 2}), std::invalid_argument);
  EXPECT_THROW(Broadcast(a, {2, 4}, {0, 1}), std::invalid_argument);
  EXPECT_THROW(Slice(a, {0, 0}, {2, 4}, {1, 1}), std::invalid_argument);
  EXPECT_THROW(Slice(a, {0, 0}, {2, 3}, {1, 0}), std::invalid_argument);
  EXPECT_THROW(Concat({}, 0), std::invalid_argument);
  EXPECT_THROW(Concat({a, Tensor::Zeros({2, 3}, 21)}, 0), std::invalid_argument);
  EXPECT_THROW(Concat({a, Tensor::Zeros({2, 4}, 20)}, 0), std::invalid_argument);
  EXPECT_THROW(Concat({a, Tensor::Zeros({2}, 20)}, 0), std::invalid_argument);
  EXPECT_THROW(Pad(a, {-1, 0}, {0, 0}, {0, 0}), std::invalid_argument);
  EXPECT_THROW(Reverse(a, {2}), std::invalid_argument);
  EXPECT_THROW(Sum(a, {1, 1}), std::invalid_argument);
  EXPECT_THROW(Sum(Tensor::Zeros({2}, 1), {0}), std::invalid_argument);
  const int64_t outside[] = {-2, 6};
  EXPECT_THROW(Take(a, outside, {1}), std::invalid_argument);
  EXPECT_THROW(Take(a, outside + 1, {1}), std::invalid_argument);
}

}  // namespace
}  // namespace ditto
