#include "ditto/net/trace.h"

#include <memory>
#include <utility>
#include <vector>

#include "ditto/net/faulty_channel.h"
#include "ditto/net/testing.h"
#include "gtest/gtest.h"

namespace ditto {
namespace {

TEST(Trace, RecordsBothDirectionsInOrder) {
  auto [a, b] = MemoryChannelPair(TestOptions("P2", 1000));
  const auto trace = std::make_shared<Trace>();
  const auto traced = Traced(std::move(a), trace);
  traced->Send(7, {1, 2});
  b->Send(3, {9});
  EXPECT_EQ(traced->Receive(3), Bytes({9}));
  traced->Send(3, {4});
  EXPECT_EQ(b->Receive(7), Bytes({1, 2}));
  EXPECT_EQ(traced->stats().payload_bytes_sent, 3u);

  const TracedFrame first{Direction::kSent, 7, {1, 2}};
  const TracedFrame second{Direction::kReceived, 3, {9}};
  const TracedFrame third{Direction::kSent, 3, {4}};
  EXPECT_EQ(trace->frames(), (std::vector<TracedFrame>{first, second, third}));
  EXPECT_EQ(trace->SortedFrames(), (std::vector<TracedFrame>{third, first, second}));
}

TEST(Trace, LeavesOutWhatWasNotSent) {
  auto [a, b] = MemoryChannelPair(TestOptions("P2", 1000));
  const auto trace = std::make_shared<Trace>();
  const auto traced = Traced(std::move(a), trace);
  b.reset();
  ExpectContains(ErrorOf([&] { traced->Send(1, {1}); }), "closed");
  EXPECT_TRUE(trace->frames().empty());
}

TEST(BreakAfter, FailsOnBothSidesAfterTheGivenNumberOfFrames) {
  for (bool tcp : {false, true}) {
    const ChannelOptions options = TestOptions("P2", 60000);
    ChannelPair pair = tcp ? TcpPair(options, options) : MemoryChannelPair(options);
    const auto faulty = BreakAfter(std::move(pair.first), 2);
    faulty->Send(1, {1});
    faulty->Send(1, {2});
    EXPECT_EQ(pair.second->Receive(1), Bytes({1}));
    ExpectContains(ErrorOf([&] { faulty->Send(1, {3}); }), "broke after 2 frames");
    ExpectContains(ErrorOf([&] { faulty->Receive(1); }), "broke after 2 frames");
    ExpectContains(ErrorOf([&] { pair.second->Receive(2); }), "broke after 2 frames");
  }
}

}  // namespace
}  // namespace ditto
