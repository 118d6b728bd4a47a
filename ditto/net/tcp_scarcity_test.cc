// Where memory runs out or accepting fails, a connection suffers, and the process goes on.
#include <netinet/in.h>
#include <sys/socket.h>

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

// The only socket of this process that listens.
int ListeningSocket() {
  for (int fd = 0; fd < 1024; ++fd) {
    int listens = 0;
    socklen_t size = sizeof listens;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens != 0) return fd;
  }
  return -1;
}

TEST(TcpAccepting, GoesOnWhenItWorksAgain) {
  TcpListener listener("127.0.0.1", 0);
  const int socket = ListeningSocket();
  ASSERT_EQ(shutdown(socket, SHUT_RD), 0);
  while (listener.turned_away().count < 3) std::this_thread::yield();
  ExpectContains(listener.turned_away().last, "accepting it failed: ");
  ASSERT_EQ(listen(socket, 16), 0);
  // A port that the system chose is not kept.
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ASSERT_EQ(getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size), 0);
  RawClient client(ntohs(address.sin_port));
  client.Write(Encode(Greeting{kWireVersion, 2, 1, {}}));
  const auto channels =
      listener.Accept({SessionId{}, 1}, {{2, TestOptions("P2", 60000)}}, std::chrono::milliseconds(60000));
  EXPECT_EQ(channels.size(), 1u);
  client.socket.close();
}

}  // namespace
}  // namespace ditto
