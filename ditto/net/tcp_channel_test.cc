#include "ditto/net/tcp_channel.h"

#include <atomic>
#include <chrono>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "ditto/net/testing.h"
#include "gtest/gtest.h"

namespace ditto {
namespace {

using std::chrono::milliseconds;

// The first end calls its peer P2, the second P1.
class TcpChannel : public testing::TestWithParam<Wire> {
 protected:
  static ChannelPair Link(int timeout_ms, uint64_t limit = 0) {
    return TcpPair(TestOptions("P2", timeout_ms, limit), TestOptions("P1", timeout_ms, limit), GetParam());
  }
};

INSTANTIATE_TEST_SUITE_P(, TcpChannel, testing::Values(Wire::kPlain, Wire::kTls),
                         [](const auto& info) { return info.param == Wire::kTls ? "Tls" : "Plain"; });

Bytes Pattern(size_t size, uint64_t seed) {
  Bytes bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<uint8_t>((i * 2654435761u + seed) >> 7);
  return bytes;
}

TEST_P(TcpChannel, CarriesFramesBothWaysAndMetersThem) {
  auto [a, b] = Link(60000);
  a->Send(1, {1});
  a->Send(uint64_t{1} << 63, {2});
  a->Send(1, {});
  EXPECT_EQ(b->Receive(uint64_t{1} << 63), Bytes({2}));
  EXPECT_EQ(b->Receive(1), Bytes({1}));
  EXPECT_EQ(b->Receive(1), Bytes());
  b->Send(1, Bytes(1000, 7));
  EXPECT_EQ(a->Receive(1), Bytes(1000, 7));
  EXPECT_EQ(a->stats().frames_sent, 3u);
  EXPECT_EQ(a->stats().payload_bytes_sent, 2u);
  EXPECT_EQ(a->stats().frames_received, 1u);
  EXPECT_EQ(b->stats().payload_bytes_sent, 1000u);
  EXPECT_EQ(b->stats().frames_received, 3u);
}

TEST_P(TcpChannel, AHundredThousandSmallFrames) {
  auto [a, b] = Link(60000);
  std::thread sender([channel = a.get()] {
    for (uint64_t i = 0; i < 100000; ++i)
      channel->Send(i % 10, {static_cast<uint8_t>(i), static_cast<uint8_t>(i >> 8)});
  });
  for (uint64_t i = 0; i < 100000; ++i) {
    ASSERT_EQ(b->Receive(i % 10), Bytes({static_cast<uint8_t>(i), static_cast<uint8_t>(i >> 8)}));
  }
  sender.join();
}

TEST_P(TcpChannel, TwoHundredMegabytesThroughASmallBuffer) {
  auto [a, b] = Link(60000, 1 << 20);
  constexpr int kFrames = 50;
  const Bytes part = Pattern(4 << 20, 1);
  std::thread sender([&part, channel = a.get()] {
    for (int i = 0; i < kFrames; ++i) channel->Send(1, part);
  });
  for (int i = 0; i < kFrames; ++i) ASSERT_EQ(b->Receive(1), part);
  sender.join();
}

TEST_P(TcpChannel, BothSidesMaySendALongFrameBeforeEitherReceives) {
  auto [a, b] = Link(60000, 1000);
  const Bytes of_a = Pattern(30 << 20, 1), of_b = Pattern(30 << 20, 2);
  a->Send(1, of_a);
  b->Send(1, of_b);
  EXPECT_EQ(b->Receive(1), of_a);
  EXPECT_EQ(a->Receive(1), of_b);
}

TEST_P(TcpChannel, ManyTagsFromManyThreads) {
  auto [a, b] = Link(60000, 10000);
  constexpr int kFrames = 500;
  std::vector<std::thread> threads;
  for (uint64_t tag = 0; tag < 8; ++tag) {
    for (auto [from, to] : {std::pair(a.get(), b.get()), std::pair(b.get(), a.get())}) {
      threads.emplace_back([tag, from = from] {
        for (uint64_t i = 0; i < kFrames; ++i) from->Send(tag, Pattern(i * 7 % 3000, tag + i));
      });
      threads.emplace_back([tag, to = to] {
        for (uint64_t i = 0; i < kFrames; ++i) ASSERT_EQ(to->Receive(tag), Pattern(i * 7 % 3000, tag + i));
      });
    }
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_P(TcpChannel, AnUnreadBufferHoldsTheSenderUp) {
  auto [a, b] = Link(200, 1 << 20);
  int sent = 0;
  const std::string error = ErrorOf([&, channel = a.get()] {
    for (; sent < 1000; ++sent) channel->Send(1, Bytes(1 << 20));
  });
  ExpectContains(error, "to P2: more than 1048576 bytes stayed unread for 200 ms");
  EXPECT_LT(sent, 30);  // two limits and what the kernel holds
  for (int i = 0; i < sent; ++i) b->Receive(1);
}

TEST_P(TcpChannel, AWaitingReceiverIsNotBlockedByUnreadFramesOfOtherTags) {
  auto [a, b] = Link(60000, 1000);
  std::thread sender([channel = a.get()] {
    for (uint64_t tag = 0; tag < 30; ++tag) channel->Send(tag, Bytes(1 << 20));
  });
  for (uint64_t tag = 30; tag-- > 0;) ASSERT_EQ(b->Receive(tag).size(), 1u << 20);
  sender.join();
}

TEST_P(TcpChannel, ClosingDeliversEverything) {
  auto [a, b] = Link(60000);
  const Bytes part = Pattern(10 << 20, 3);
  std::thread closer([&part, channel = std::move(a)]() mutable {
    for (int i = 0; i < 5; ++i) channel->Send(1, part);
    channel->Send(2, {1});
    channel.reset();
  });
  for (int i = 0; i < 5; ++i) ASSERT_EQ(b->Receive(1), part);
  EXPECT_EQ(b->Receive(2), Bytes({1}));
  closer.join();
  ExpectContains(ErrorOf([&, channel = b.get()] { channel->Receive(1); }),
                 "tag 1 from P1: the peer closed the connection");
  ExpectContains(ErrorOf([&, channel = b.get()] { channel->Send(1, {}); }), "to P1: the peer closed the connection");
}

TEST_P(TcpChannel, ClosingBothEndsAtOnceWaitsForNoTimeOut) {
  for (int i = 0; i < 20; ++i) {
    auto [a, b] = Link(3600000);
    a->Send(1, Bytes(5 << 20));
    b->Send(1, Bytes(5 << 20));
    auto closing = std::async(std::launch::async, [channel = std::move(b)]() mutable { channel.reset(); });
    a.reset();
    closing.get();
  }
}

TEST_P(TcpChannel, TimeOutNamesPeerAndTag) {
  auto [a, b] = Link(30);
  ExpectContains(ErrorOf([&, channel = a.get()] { channel->Receive(77); }), "tag 77 from P2: none came within 30 ms");
}

TEST_P(TcpChannel, ALostPeerWakesWaiters) {
  auto [a, b] = Link(60000);
  std::string error;
  std::thread waiter([&, channel = a.get()] { error = ErrorOf([&] { channel->Receive(1); }); });
  std::this_thread::sleep_for(milliseconds(20));
  b.reset();
  waiter.join();
  ExpectContains(error, "P2: the peer closed the connection");
}

TEST_P(TcpChannel, AbortWakesWaitersOnBothSides) {
  auto [a, b] = Link(60000, 1000);
  std::vector<std::string> errors(4);
  std::vector<std::thread> waiters;
  for (uint64_t i = 0; i < 4; ++i) {
    waiters.emplace_back(
        [&, i, channel = i % 2 ? a.get() : b.get()] { errors[i] = ErrorOf([&] { channel->Receive(i); }); });
  }
  std::this_thread::sleep_for(milliseconds(20));
  b->Abort("range exceeded in layer 3");
  for (std::thread& waiter : waiters) waiter.join();
  for (const std::string& error : errors) ExpectContains(error, "range exceeded in layer 3");
  ExpectContains(errors[1], "from P2: aborted by the peer");
  ExpectContains(ErrorOf([&, channel = a.get()] { channel->Send(1, {}); }), "range exceeded in layer 3");
  ExpectContains(ErrorOf([&, channel = b.get()] { channel->Send(1, {}); }), "range exceeded in layer 3");
}

TEST_P(TcpChannel, AbortOvertakesWhatIsQueuedAndWakesABlockedSender) {
  auto [a, b] = Link(60000, 1000);
  std::string error;
  std::thread sender([&, channel = a.get()] {
    error = ErrorOf([&] {
      for (;;) channel->Send(1, Bytes(1 << 20));
    });
  });
  std::this_thread::sleep_for(milliseconds(50));
  a->Abort("stop");
  sender.join();
  ExpectContains(error, "stop");
  ExpectContains(ErrorOf([&, channel = b.get()] {
                   for (;;) channel->Receive(2);
                 }),
                 "aborted by the peer: stop");
}

TEST_P(TcpChannel, RefusesToSendAnOversizedFrame) {
  ChannelOptions options = TestOptions("P2", 1000);
  options.max_frame_bytes = 8;
  auto [a, b] = TcpPair(options, options, GetParam());
  ExpectContains(ErrorOf([&, channel = a.get()] { channel->Send(1, Bytes(9)); }), "over the limit of 8");
}

TEST_P(TcpChannel, AnOversizedFrameIsAnErrorOnBothSides) {
  ChannelOptions strict = TestOptions("P2", 60000);
  strict.max_frame_bytes = 100;
  auto [a, b] = TcpPair(strict, TestOptions("P1", 60000), GetParam());
  // The refusal may be back before Send returns.
  ErrorOf([&, channel = b.get()] { channel->Send(4, Bytes(101)); });
  ExpectContains(ErrorOf([&, channel = a.get()] { channel->Receive(4); }),
                 "oversized frame: tag 4 announces 101 bytes");
  ExpectContains(ErrorOf([&, channel = b.get()] { channel->Receive(4); }), "connection");
}

}  // namespace
}  // namespace ditto
