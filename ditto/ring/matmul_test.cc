#include "ditto/ring/matmul.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

#include "ditto/ring/tensor.h"
#include "ditto/ring/threads.h"
#include "hwy/targets.h"
// Above: the library's control of targets. Below: which of them this compiler generates.
#include "hwy/highway.h"

namespace ditto {
namespace {

struct Case {
  int64_t batch, m, k, n;
};

// Every remainder of tiles, panels and blocks, the paths for few rows and columns, and empty products.
const Case kCases[] = {{1, 1, 1, 1},   {1, 8, 16, 32},   {1, 5, 3, 5},     {1, 6, 7, 31},      {1, 7, 9, 33},
                       {1, 9, 64, 70}, {1, 16, 257, 96}, {1, 261, 20, 40}, {1, 10, 300, 1100}, {3, 13, 17, 19},
                       {2, 4, 37, 65}, {1, 3, 2, 1030},  {1, 1, 64, 4},    {5, 1, 64, 1},      {1, 40, 333, 2},
                       {1, 20, 5, 3},  {1, 7, 0, 9},     {1, 0, 4, 5},     {1, 5, 4, 0},       {0, 8, 8, 8}};

template <class T>
std::vector<T> RandomWords(int64_t size, std::mt19937_64& random) {
  std::vector<T> words(size);
  for (T& word : words) word = static_cast<T>(random());
  return words;
}

template <class T>
void ExpectExact(const Case& shape, int width, bool accumulate, std::mt19937_64& random) {
  const auto [batch, m, k, n] = shape;
  const auto a = RandomWords<T>(batch * m * k, random);
  const auto b = RandomWords<T>(batch * k * n, random);
  auto c = RandomWords<T>(batch * m * n, random);
  std::vector<T> expected = accumulate ? c : std::vector<T>(c.size(), 0);
  for (int64_t item = 0; item < batch; ++item) {
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t p = 0; p < k; ++p) {
        for (int64_t j = 0; j < n; ++j) {
          expected[(item * m + i) * n + j] += a[(item * m + i) * k + p] * b[(item * k + p) * n + j];
        }
      }
    }
  }
  MatMulBatch(a.data(), b.data(), c.data(), batch, m, k, n, accumulate, width);
  for (size_t i = 0; i < c.size(); ++i) {
    c[i] &= WidthMask<T>(width);
    expected[i] &= WidthMask<T>(width);
  }
  EXPECT_EQ(c, expected) << "width " << width << ", " << batch << " x " << m << " x " << k << " x " << n << " on "
                         << MatMulTarget();
}

void ExpectAllExact(uint64_t seed) {
  std::mt19937_64 random(seed);
  for (const Case& shape : kCases) {
    for (bool accumulate : {false, true}) {
      ExpectExact<uint32_t>(shape, 32, accumulate, random);
      ExpectExact<uint64_t>(shape, 52, accumulate, random);
      ExpectExact<uint64_t>(shape, 64, accumulate, random);
    }
  }
}

TEST(MatMul, EveryTargetIsExact) {
  std::set<std::string> seen;
  for (int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    EXPECT_EQ(MatMulTarget(), hwy::TargetName(target));
    seen.insert(MatMulTarget());
    ExpectAllExact(1);
  }
  hwy::SetSupportedTargetsForTest(0);
  EXPECT_EQ(seen.count(MatMulTarget()), 1u);
}

TEST(MatMul, ThreadsDoNotChangeTheProduct) {
  SetThreads(3);
  ExpectAllExact(2);
  std::mt19937_64 random(3);
  for (const Case& shape :
       {Case{1, 200, 100, 300}, Case{1, 500, 60, 70}, Case{40, 60, 60, 60}, Case{2, 70, 300, 200}}) {
    ExpectExact<uint32_t>(shape, 32, true, random);
    ExpectExact<uint64_t>(shape, 40, true, random);
    ExpectExact<uint64_t>(shape, 64, false, random);
  }
  SetThreads(1);
}

}  // namespace
}  // namespace ditto
