#include "ditto/net/memory_channel.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "ditto/net/testing.h"
#include "gtest/gtest.h"

namespace ditto {
namespace {

using std::chrono::milliseconds;

ChannelOptions Options(int timeout_ms, uint64_t limit = 0) { return TestOptions("P2", timeout_ms, limit); }

TEST(MemoryChannel, KeepsOrderWithinATag) {
  auto [a, b] = MemoryChannelPair(Options(1000));
  a->Send(1, {1});
  a->Send(2, {2});
  a->Send(1, {3, 4});
  EXPECT_EQ(b->Receive(2), Bytes({2}));
  EXPECT_EQ(b->Receive(1), Bytes({1}));
  EXPECT_EQ(b->Receive(1), Bytes({3, 4}));
  b->Send(1, {});
  EXPECT_EQ(a->Receive(1), Bytes());
}

TEST(MemoryChannel, MetersPayload) {
  auto [a, b] = MemoryChannelPair(Options(1000));
  a->Send(1, Bytes(10));
  a->Send(2, Bytes(5));
  b->Receive(2);
  EXPECT_EQ(a->stats().frames_sent, 2u);
  EXPECT_EQ(a->stats().payload_bytes_sent, 15u);
  EXPECT_EQ(b->stats().frames_received, 1u);
  EXPECT_EQ(b->stats().payload_bytes_received, 5u);
}

TEST(MemoryChannel, MovesThePayload) {
  auto [a, b] = MemoryChannelPair(Options(1000));
  Bytes payload(1000);
  const uint8_t* address = payload.data();
  a->Send(1, std::move(payload));
  EXPECT_EQ(b->Receive(1).data(), address);
}

TEST(MemoryChannel, TimeOutNamesPeerAndTag) {
  auto [a, b] = MemoryChannelPair(Options(20));
  const std::string error = ErrorOf([&] { a->Receive(77); });
  ExpectContains(error, "P2");
  ExpectContains(error, "tag 77");
  ExpectContains(error, "20 ms");
}

TEST(MemoryChannel, AbortWakesBothSides) {
  auto [a, b] = MemoryChannelPair(Options(60000));
  std::string error_a, error_b;
  std::thread ta([&] { error_a = ErrorOf([&] { a->Receive(1); }); });
  std::thread tb([&] { error_b = ErrorOf([&] { b->Receive(1); }); });
  std::this_thread::sleep_for(milliseconds(20));
  a->Abort("bad program");
  ta.join();
  tb.join();
  ExpectContains(error_a, "bad program");
  ExpectContains(error_b, "bad program");
  ExpectContains(ErrorOf([&] { b->Send(1, {}); }), "bad program");
}

TEST(MemoryChannel, ALostPeerIsAnErrorAfterItsLastFrame) {
  auto [a, b] = MemoryChannelPair(Options(60000));
  b->Send(5, {9});
  b.reset();
  EXPECT_EQ(a->Receive(5), Bytes({9}));
  ExpectContains(ErrorOf([&] { a->Receive(5); }), "closed");
  ExpectContains(ErrorOf([&] { a->Send(5, {}); }), "closed");
}

TEST(MemoryChannel, SendWaitsForTheReader) {
  auto [a, b] = MemoryChannelPair(Options(60000, 100));
  std::atomic<int> sent{0};
  std::thread sender([&, channel = a.get()] {
    for (int i = 0; i < 50; ++i) {
      channel->Send(3, Bytes(60));
      ++sent;
    }
  });
  while (sent < 2) std::this_thread::yield();
  std::this_thread::sleep_for(milliseconds(30));
  EXPECT_EQ(sent, 2);  // the third would find 2 * (60 + 16) > 100 bytes unread
  for (int i = 0; i < 50; ++i) EXPECT_EQ(b->Receive(3).size(), 60u);
  sender.join();
}

TEST(MemoryChannel, SendTimesOutAndAbortWakesIt) {
  auto [a, b] = MemoryChannelPair(Options(20, 10));
  a->Send(3, Bytes(60));
  ExpectContains(ErrorOf([&, channel = a.get()] { channel->Send(3, {}); }), "unread");

  auto [c, d] = MemoryChannelPair(Options(60000, 10));
  c->Send(3, Bytes(60));
  std::string error;
  std::thread sender([&, channel = c.get()] { error = ErrorOf([&] { channel->Send(3, {}); }); });
  std::this_thread::sleep_for(milliseconds(20));
  d->Abort("enough");
  sender.join();
  ExpectContains(error, "enough");
}

TEST(MemoryChannel, AWaitingReceiverIsNotBlockedByUnreadFramesOfOtherTags) {
  auto [a, b] = MemoryChannelPair(Options(60000, 10));
  std::thread sender([channel = a.get()] {
    for (uint64_t tag = 0; tag < 20; ++tag) channel->Send(tag, Bytes(60));
  });
  for (uint64_t tag = 20; tag-- > 0;) EXPECT_EQ(b->Receive(tag).size(), 60u);
  sender.join();
}

TEST(MemoryChannel, RefusesAnOversizedFrame) {
  ChannelOptions options = Options(1000);
  options.max_frame_bytes = 8;
  auto [a, b] = MemoryChannelPair(options);
  a->Send(1, Bytes(8));
  ExpectContains(ErrorOf([&, channel = a.get()] { channel->Send(1, Bytes(9)); }), "over the limit of 8");
}

TEST(MemoryChannel, ManyTagsFromManyThreads) {
  auto [a, b] = MemoryChannelPair(Options(60000, 1000));
  constexpr int kThreads = 8, kFrames = 2000;
  std::vector<std::thread> threads;
  for (uint64_t tag = 0; tag < kThreads; ++tag) {
    threads.emplace_back([tag, channel = a.get()] {
      for (int i = 0; i < kFrames; ++i) channel->Send(tag, {static_cast<uint8_t>(i), static_cast<uint8_t>(tag)});
    });
    threads.emplace_back([tag, channel = b.get()] {
      for (int i = 0; i < kFrames; ++i) {
        ASSERT_EQ(channel->Receive(tag), Bytes({static_cast<uint8_t>(i), static_cast<uint8_t>(tag)}));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(b->stats().frames_received, uint64_t{kThreads} * kFrames);
}

}  // namespace
}  // namespace ditto
