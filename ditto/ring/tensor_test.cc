#include "ditto/ring/tensor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <thread>

namespace ditto {
namespace {

TEST(Tensor, HoldsWordsOfItsWidth) {
  EXPECT_EQ(WordBytes(1), 1);
  EXPECT_EQ(WordBytes(2), 4);
  EXPECT_EQ(WordBytes(32), 4);
  EXPECT_EQ(WordBytes(33), 8);
  const Tensor t = Tensor::Zeros({2, 3}, 40);
  EXPECT_TRUE(t.held());
  EXPECT_EQ(t.size(), 6);
  for (int64_t i = 0; i < t.size(); ++i) EXPECT_EQ(t.data<uint64_t>()[i], 0u);
  EXPECT_FALSE(Tensor().held());
  EXPECT_EQ(Tensor(Shape{}, 8).size(), 1);
  EXPECT_EQ(Tensor(Shape{3, 0}, 8).size(), 0);
}

TEST(Tensor, ViewsShareTheBuffer) {
  const Tensor t = Tensor::Zeros({2, 3}, 30);
  EXPECT_EQ(t.Reshaped({6}).data<uint32_t>(), t.data<uint32_t>());
  EXPECT_EQ(t.WithWidth(20).data<uint32_t>(), t.data<uint32_t>());
  EXPECT_EQ(t.WithWidth(20).width(), 20);
  EXPECT_THROW(t.Reshaped({5}), std::invalid_argument);
  EXPECT_THROW(t.WithWidth(31), std::invalid_argument);
  EXPECT_THROW(t.WithWidth(1), std::invalid_argument);
}

TEST(Tensor, RefusesBadWidthsAndShapes) {
  EXPECT_THROW(Tensor({1}, 0), std::invalid_argument);
  EXPECT_THROW(Tensor({1}, 65), std::invalid_argument);
  EXPECT_THROW(Tensor({2, -1}, 8), std::invalid_argument);
}

// Buffers are used again, by other threads too, but never while somebody holds them.
TEST(Tensor, LiveTensorsNeverOverlap) {
  const auto work = [](uint32_t mark) {
    std::vector<Tensor> live;
    for (uint32_t i = 0; i < 200; ++i) {
      const int64_t size = 1 + (i * 7919) % 200000;
      Tensor t({size}, 32);
      std::fill_n(t.mutable_data<uint32_t>(), size, mark + i);
      live.push_back(t);
      if (live.size() > 5) {
        const Tensor oldest = live.front();
        live.erase(live.begin());
        const uint32_t expected = mark + i - 5;
        const uint32_t* data = oldest.data<uint32_t>();
        ASSERT_TRUE(std::all_of(data, data + oldest.size(), [&](uint32_t x) { return x == expected; }));
      }
    }
  };
  std::thread other(work, 1000000);
  work(2000000);
  other.join();
}

TEST(Tensor, BuffersAreAligned) {
  for (int64_t size : {1, 100, 40000, 1000000}) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(Tensor({size}, 64).data<uint64_t>()) % 64, 0u);
  }
}

}  // namespace
}  // namespace ditto
