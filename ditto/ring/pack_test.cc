#include "ditto/ring/pack.h"

#include <gtest/gtest.h>

#include "ditto/ring/random_tensor.h"
#include "ditto/ring/threads.h"

namespace ditto {
namespace {

int64_t MessageBytes(int64_t size, int width) { return (size * width + 7) / 8; }

// Bit by bit, from the definition.
std::vector<uint8_t> NaivePack(const Tensor& t) {
  const std::vector<uint64_t> values = Values(t);
  std::vector<uint8_t> bytes(MessageBytes(t.size(), t.width()), 0);
  for (int64_t bit = 0; bit < t.size() * t.width(); ++bit) {
    const uint64_t set = values[bit / t.width()] >> (bit % t.width()) & 1;
    bytes[bit / 8] = static_cast<uint8_t>(bytes[bit / 8] | set << (bit % 8));
  }
  return bytes;
}

TEST(Pack, EveryWidthAndRemainderMatchesTheDefinition) {
  std::mt19937_64 random(1);
  for (int width = 1; width <= kMaxWidth; ++width) {
    for (int64_t size : {0, 1, 7, 8, 63, 64, 65, 127, 200}) {
      const Tensor t = RandomTensor({size}, width, random);
      // One byte more than the message, which must stay untouched.
      std::vector<uint8_t> out(MessageBytes(size, width) + 1, 0xa5);
      Pack(t, out.data());
      EXPECT_EQ(out.back(), 0xa5) << "width " << width << ", size " << size;
      out.pop_back();
      ASSERT_EQ(out, NaivePack(t)) << "width " << width << ", size " << size;

      const Tensor back = Unpack(out.data(), {size}, width);
      ASSERT_EQ(back.width(), width);
      ASSERT_EQ(Words(back), Values(t)) << "width " << width << ", size " << size;
    }
  }
}

TEST(Pack, UnpackIgnoresTheUnusedBits) {
  const uint8_t all_ones[] = {0xff, 0xff};
  EXPECT_EQ(Words(Unpack(all_ones, {3}, 5)), (std::vector<uint64_t>{31, 31, 31}));
  EXPECT_EQ(Words(Unpack(all_ones, {1, 9}, 1)), std::vector<uint64_t>(9, 1));
}

TEST(Pack, ThreadsDoNotChangeTheMessage) {
  std::mt19937_64 random(2);
  for (int width : {1, 8, 20, 24, 32, 37, 64}) {
    const Tensor t = RandomTensor({300, 1001}, width, random);
    std::vector<uint8_t> one(MessageBytes(t.size(), width));
    std::vector<uint8_t> many(one.size());
    Pack(t, one.data());
    SetThreads(3);
    Pack(t, many.data());
    const Tensor back = Unpack(many.data(), t.shape(), width);
    SetThreads(1);
    EXPECT_EQ(one, many);
    EXPECT_EQ(Words(back), Values(t));
  }
}

}  // namespace
}  // namespace ditto
