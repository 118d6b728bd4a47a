// Where memory or files run out, a connection suffers, and the process goes on.
#include <sys/resource.h>
#include <unistd.h>

#include <asio.hpp>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <limits>
#include <new>
#include <string>
#include <thread>

#include "ditto/net/tcp_channel.h"
#include "ditto/net/test_sockets.h"
#include "ditto/net/testing.h"
#include "gtest/gtest.h"

namespace {

// The longest piece of memory that there is.
std::atomic<size_t> longest{std::numeric_limits<size_t>::max()};

}  // namespace

void* operator new(size_t size) {
  void* const memory = size > longest ? nullptr : std::malloc(size);
  if (!memory) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace ditto {
namespace {

class TcpScarcity : public testing::TestWithParam<Wire> {};

INSTANTIATE_TEST_SUITE_P(, TcpScarcity, testing::Values(Wire::kPlain, Wire::kTls),
                         [](const auto& info) { return info.param == Wire::kTls ? "Tls" : "Plain"; });

TEST_P(TcpScarcity, AFrameThatFindsNoMemoryEndsItsChannelOnly) {
  const auto options = TestOptions("peer", 60000);
  auto [a, b] = TcpPair(options, options, GetParam());
  auto [c, d] = TcpPair(options, options, GetParam());
  Bytes payload(64 << 20);
  longest = 32 << 20;
  // The other end may be gone before all is sent.
  ErrorOf([&, channel = a.get()] { channel->Send(1, std::move(payload)); });
  ExpectContains(ErrorOf([&, channel = b.get()] { channel->Receive(1); }), "receiving failed: std::bad_alloc");
  longest = std::numeric_limits<size_t>::max();
  c->Send(1, {7});
  EXPECT_EQ(d->Receive(1), Bytes({7}));
}

TEST(TcpFiles, AListenerGoesOnWhenThereAreFilesAgain) {
  TcpListener listener("127.0.0.1", 0);
  asio::io_context io;
  asio::ip::tcp::socket socket(io, asio::ip::tcp::v4());
  rlimit files;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &files), 0);
  const int next = dup(0);
  ASSERT_GE(next, 0);
  close(next);
  rlimit none = files;
  none.rlim_cur = static_cast<rlim_t>(next);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  socket.connect({asio::ip::address_v4::loopback(), listener.port()});
  while (listener.turned_away().count == 0) std::this_thread::yield();
  ExpectContains(listener.turned_away().last, "accepting it failed: Too many open files");
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &files), 0);
  asio::write(socket, asio::buffer(Encode(Greeting{kWireVersion, 2, 1, {}})));
  const auto channels =
      listener.Accept({SessionId{}, 1}, {{2, TestOptions("P2", 60000)}}, std::chrono::milliseconds(60000));
  ASSERT_EQ(channels.size(), 1u);
  socket.close();
}

}  // namespace
}  // namespace ditto
