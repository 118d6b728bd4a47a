// Meeting the right peer, and what strangers on the socket can do.
#include <asio.hpp>
#include <chrono>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "ditto/net/tcp_channel.h"
#include "ditto/net/testing.h"
#include "gtest/gtest.h"

namespace ditto {
namespace {

using asio::ip::tcp;
using std::chrono::milliseconds;

constexpr milliseconds kLong(60000);
// What runs out; long enough that a busy machine gets as far as the test means it to.
constexpr milliseconds kShort(500);

Peer Expect(int party) { return {party, TestOptions("P" + std::to_string(party), 60000)}; }

// What listening party 1, which expects `accepts`, and connecting party `own`, which expects `expects`, are told.
std::pair<std::string, std::string> Meet(const std::vector<Peer>& accepts, const Identity& own, int expects) {
  TcpListener listener("127.0.0.1", 0);
  auto accepted = std::async(std::launch::async, [&] {
    return ErrorOf([&] { listener.Accept({SessionId{}, 1}, accepts, kLong); });
  });
  const std::string connected = ErrorOf([&] { ConnectTcp("127.0.0.1", listener.port(), own, Expect(expects), kLong); });
  return {accepted.get(), connected};
}

TEST(TcpConnect, AMismatchIsAnErrorOnBothSides) {
  const auto right = Meet({Expect(2)}, {SessionId{}, 2}, 1);
  EXPECT_EQ(right.first, "no error");
  EXPECT_EQ(right.second, "no error");

  const auto session = Meet({Expect(2)}, {SessionId{1}, 2}, 1);
  ExpectContains(session.first, "another session");
  ExpectContains(session.second, "connecting to P1 at 127.0.0.1");
  ExpectContains(session.second, "another session");

  const auto stranger = Meet({Expect(2)}, {SessionId{}, 3}, 1);
  ExpectContains(stranger.first, "it is party 3, which is not expected");
  ExpectContains(stranger.second, "does not expect party 3");

  const auto misled = Meet({Expect(2)}, {SessionId{}, 2}, 0);
  ExpectContains(misled.first, "does not expect party 1");
  ExpectContains(misled.second, "it is party 1, expected party 0");
}

TEST(TcpConnect, OnePortServesSeveralPeersInAnyOrder) {
  TcpListener listener("127.0.0.1", 0);
  auto accepted = std::async(std::launch::async, [&] {
    return listener.Accept({SessionId{}, 0}, {Expect(1), Expect(2)}, kLong);
  });
  auto two = ConnectTcp("127.0.0.1", listener.port(), {SessionId{}, 2}, Expect(0), kLong);
  auto one = ConnectTcp("localhost", listener.port(), {SessionId{}, 1}, Expect(0), kLong);
  const auto channels = accepted.get();
  one->Send(1, {1});
  two->Send(1, {2});
  EXPECT_EQ(channels[0]->Receive(1), Bytes({1}));
  EXPECT_EQ(channels[1]->Receive(1), Bytes({2}));
}

TEST(TcpConnect, RetriesUntilThePeerIsUp) {
  uint16_t port;
  {
    TcpListener probe("127.0.0.1", 0);
    port = probe.port();
  }
  auto connected = std::async(std::launch::async, [&] {
    return ErrorOf([&] { ConnectTcp("127.0.0.1", port, {SessionId{}, 2}, Expect(1), kLong); });
  });
  std::this_thread::sleep_for(milliseconds(100));
  TcpListener listener("127.0.0.1", port);
  const auto channels = listener.Accept({SessionId{}, 1}, {Expect(2)}, kLong);
  EXPECT_EQ(connected.get(), "no error");
}

TEST(TcpConnect, SaysWhatFailed) {
  uint16_t port;
  {
    TcpListener probe("127.0.0.1", 0);
    port = probe.port();
    ExpectContains(ErrorOf([&] { TcpListener("127.0.0.1", port); }), "Address already in use");
    ExpectContains(ErrorOf([&] {
                     probe.Accept({}, {Expect(1), Expect(2)}, kShort);
                   }),
                   "for P1, P2: no connection within 500 ms");
    // The kernel accepts the connection, but nobody greets.
    ExpectContains(ErrorOf([&] { ConnectTcp("127.0.0.1", port, {}, Expect(1), kShort); }), "sent no greeting in time");
  }
  ExpectContains(ErrorOf([&] { ConnectTcp("127.0.0.1", port, {}, Expect(1), kShort); }),
                 "connecting to P1 at 127.0.0.1:" + std::to_string(port) + ": Connection refused for 500 ms");
  ExpectContains(ErrorOf([&] { ConnectTcp("no such host", 1, {}, Expect(1), kShort); }),
                 "cannot resolve no such host:1");
}

// A client that sends whatever it is told to.
struct RawClient {
  explicit RawClient(uint16_t port) { socket.connect(tcp::endpoint(asio::ip::address_v4::loopback(), port)); }
  template <class T>
  void Write(const T& bytes) {
    asio::write(socket, asio::buffer(bytes));
  }
  asio::io_context io;
  tcp::socket socket{io};
};

TEST(TcpConnect, RefusesGarbageSilenceAndOtherVersions) {
  TcpListener listener("127.0.0.1", 0);
  const auto accept_error = [&](milliseconds timeout) {
    return ErrorOf([&] { listener.Accept({SessionId{}, 1}, {Expect(2)}, timeout); });
  };
  {
    RawClient client(listener.port());
    client.Write(std::string("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    ExpectContains(accept_error(kLong), "malformed greeting");
  }
  {
    RawClient client(listener.port());
    client.Write(Encode(Greeting{77, 2, 1, {}}));
    ExpectContains(accept_error(kLong), "it speaks version 77");
    std::array<uint8_t, kGreetingBytes> answer;
    asio::read(client.socket, asio::buffer(answer));
    EXPECT_EQ(DecodeGreeting(answer.data())->version, kWireVersion);
  }
  {
    RawClient client(listener.port());
    ExpectContains(accept_error(kShort), "sent no greeting in time");
  }
  {
    RawClient client(listener.port());
    client.Write(std::string("DITTO"));
    client.socket.close();
    ExpectContains(accept_error(kLong), "closed the connection instead of greeting");
  }
}

// A greeted connection of party 1 whose other end is raw.
struct Greeted {
  Greeted() {
    client.Write(Encode(Greeting{kWireVersion, 2, 1, {}}));
    channel = std::move(listener.Accept({SessionId{}, 1}, {Expect(2)}, kLong)[0]);
    // Closing with unread bytes would be a reset.
    std::array<uint8_t, kGreetingBytes> answer;
    asio::read(client.socket, asio::buffer(answer));
  }
  TcpListener listener{"127.0.0.1", 0};
  RawClient client{listener.port()};
  std::unique_ptr<Channel> channel;
};

TEST(TcpConnect, GarbageAfterTheGreetingEndsTheChannel) {
  Greeted pair;
  pair.client.Write(std::string(1000, 'x'));
  ExpectContains(ErrorOf([&] { pair.channel->Receive(1); }), "tag 1 from P2: malformed frame");
  ExpectContains(ErrorOf([&] { pair.channel->Send(1, {}); }), "malformed frame");
}

TEST(TcpConnect, AHugeAnnouncedLengthAllocatesNothing) {
  Greeted pair;
  pair.client.Write(Encode(FrameHeader{FrameKind::kData, 0xffffffff, 1}));
  ExpectContains(ErrorOf([&] { pair.channel->Receive(1); }), "announces 4294967295 bytes, the limit is 1073741824");
}

TEST(TcpConnect, ACutFrameIsALostConnection) {
  Greeted pair;
  pair.client.Write(Encode(FrameHeader{FrameKind::kData, 100, 1}));
  pair.client.Write(Bytes(99));
  pair.client.socket.close();
  ExpectContains(ErrorOf([&] { pair.channel->Receive(1); }), "middle of a frame");
}

TEST(TcpConnect, AResetIsALostConnection) {
  Greeted pair;
  pair.client.socket.set_option(asio::socket_base::linger(true, 0));
  pair.client.socket.close();
  ExpectContains(ErrorOf([&] { pair.channel->Receive(1); }), "the connection was lost: Connection reset");
}

}  // namespace
}  // namespace ditto
