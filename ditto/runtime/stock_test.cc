#include "ditto/runtime/stock.h"

#include <thread>
#include <utility>

#include "ditto/net/memory_channel.h"
#include "gtest/gtest.h"

namespace ditto {
namespace {

constexpr uint64_t kTag = 7, kNoLimit = uint64_t{1} << 40;

Bytes Dealing(const std::vector<std::pair<uint64_t, Bytes>>& frames, uint64_t limit = kNoLimit) {
  auto [p0, p2] = MemoryChannelPair(ChannelOptions());
  DealingChannel dealing(*p0, kTag);
  for (const auto& [tag, frame] : frames) dealing.Send(tag, frame);
  dealing.Finish();
  return ReceiveDealt(*p2, kTag, limit, [] {});
}

TEST(Stock, FramesAreReadByTagInTheirOrder) {
  DealtChannel dealt(Dealing({{1, {1, 2}}, {2, {3}}, {1, {}}, {1, {4}}}));
  EXPECT_EQ(dealt.Receive(2), (Bytes{3}));
  EXPECT_EQ(dealt.Receive(1), (Bytes{1, 2}));
  EXPECT_EQ(dealt.Receive(1), Bytes());
  EXPECT_THROW(dealt.Finish(), ChannelError);
  EXPECT_EQ(dealt.Receive(1), (Bytes{4}));
  dealt.Finish();
  EXPECT_THROW(dealt.Receive(1), ChannelError);
  EXPECT_THROW(dealt.Receive(9), ChannelError);
}

TEST(Stock, NothingIsSaidToP0) {
  DealtChannel dealt(Dealing({}));
  EXPECT_THROW(dealt.Send(1, {1}), ChannelError);
}

TEST(Stock, MoreThanExpectedIsRefusedAsItArrives) {
  constexpr uint64_t kHeader = 16;
  EXPECT_EQ(Dealing({{1, {1, 2}}}, kHeader + 2).size(), kHeader + 2);
  EXPECT_THROW(Dealing({{1, {1, 2}}}, kHeader + 1), ChannelError);
}

TEST(Stock, WhatIsDamagedIsRefused) {
  const Bytes whole = Dealing({{1, {1, 2, 3}}});
  for (size_t size = 1; size < whole.size(); ++size) {
    EXPECT_THROW(DealtChannel(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size))), ChannelError);
  }
}

}  // namespace
}  // namespace ditto
