// Meeting the right peer, and what strangers on the socket can do.
#include <chrono>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "ditto/net/tcp_channel.h"
#include "ditto/net/test_sockets.h"
#include "ditto/net/testing.h"
#include "gtest/gtest.h"

namespace ditto {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLong(60000);
// What runs out; long enough that a busy machine gets as far as the test means it to.
constexpr milliseconds kShort(500);

Peer Expect(int party) { return {party, TestOptions("P" + std::to_string(party), 60000)}; }

struct Told {
  std::string listening;
  std::string connecting;
};

// What listening party 1, which expects party 2, and connecting party `own`, which expects `expects`, are told. The
// right party 2 comes afterwards, and gets in.
Told Meet(const Identity& own, int expects) {
  TcpListener listener("127.0.0.1", 0);
  auto accepted = std::async(std::launch::async, [&] { return listener.Accept({SessionId{}, 1}, {Expect(2)}, kLong); });
  const std::string connected = ErrorOf([&] { ConnectTcp("127.0.0.1", listener.port(), own, Expect(expects), kLong); });
  const auto right = ConnectTcp("127.0.0.1", listener.port(), {SessionId{}, 2}, Expect(1), kLong);
  right->Send(1, {7});
  EXPECT_EQ(accepted.get()[0]->Receive(1), Bytes({7}));
  EXPECT_EQ(listener.turned_away().count, 1u);
  EXPECT_EQ(listener.turned_away().last, listener.turned_away().last_party);
  return {listener.turned_away().last, connected};
}

TEST(TcpConnect, AMismatchIsToldOnBothSidesAndKeepsNobodyOut) {
  const Told session = Meet({SessionId{1}, 2}, 1);
  ExpectContains(session.listening, "another session");
  ExpectContains(session.connecting, "connecting to P1 at 127.0.0.1");
  ExpectContains(session.connecting, "another session");

  const Told stranger = Meet({SessionId{}, 3}, 1);
  ExpectContains(stranger.listening, "it is party 3, which is not expected");
  ExpectContains(stranger.connecting, "does not expect party 3");

  const Told misled = Meet({SessionId{}, 2}, 0);
  ExpectContains(misled.listening, "does not expect party 1");
  ExpectContains(misled.connecting, "it is party 1, expected party 0");
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

TEST(TcpConnect, TurnsAwayGarbageSilenceAndOtherVersions) {
  TcpListener listener("127.0.0.1", 0);
  const auto accept_error = [&](milliseconds timeout) {
    return ErrorOf([&] { listener.Accept({SessionId{}, 1}, {Expect(2)}, timeout); });
  };
  {
    RawClient client(listener.port());
    client.Write(std::string("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    ExpectContains(accept_error(kShort), "for P2: no connection within 500 ms");
    ExpectContains(listener.turned_away().last, "malformed greeting");
  }
  {
    RawClient client(listener.port());
    client.Write(Encode(Greeting{77, 2, 1, {}}));
    ExpectContains(accept_error(kShort), "turned away 1, the last because it speaks version 77");
    EXPECT_EQ(client.ReadGreeting().version, kWireVersion);
  }
  {
    RawClient client(listener.port());
    ExpectContains(accept_error(kShort), "turned away 1, the last because it connected but sent no greeting in time");
  }
  {
    RawClient client(listener.port());
    client.Write(std::string("DITTO"));
    client.socket.close();
    ExpectContains(accept_error(kShort), "closed the connection instead of sending a greeting");
  }
  {
    RawClient party(listener.port());
    party.Write(Encode(Greeting{kWireVersion, 2, 1, {1}}));
    RawClient client(listener.port());
    client.Write(std::string(kGreetingBytes, 'x'));
    const std::string error = accept_error(kShort);
    ExpectContains(error, "turned away 2, the last because malformed greeting");
    ExpectContains(error, "; a party because it belongs to another session");
  }
}

TEST(TcpConnect, TheSessionIdIsShownToNobodyWhoHasNotShownIt) {
  const SessionId session{1, 2, 3, 4};
  TcpListener listener("127.0.0.1", 0);
  auto accepted = std::async(std::launch::async, [&] { return listener.Accept({session, 1}, {Expect(2)}, kLong); });
  for (const SessionId& guess : {SessionId{}, SessionId{1, 2, 3, 5}}) {
    RawClient client(listener.port());
    client.Write(Encode(Greeting{kWireVersion, 2, 1, guess}));
    const Greeting answer = client.ReadGreeting();
    EXPECT_EQ(Mismatch({kWireVersion, 2, 1, guess}, answer).substr(0, 26), "it belongs to another sess");
    // It tells nothing that was not there before.
    for (size_t i = 0; i < guess.size(); ++i) EXPECT_EQ(answer.session[i], static_cast<uint8_t>(~guess[i]));
  }
  RawClient silent(listener.port());
  const auto right = ConnectTcp("127.0.0.1", listener.port(), {session, 2}, Expect(1), kLong);
  accepted.get();
  EXPECT_EQ(silent.ReadToTheEnd(), "");
}

TEST(TcpConnect, ASilentConnectionIsClosedWhenPatienceEnds) {
  TcpListener listener("127.0.0.1", 0, {milliseconds(300), 16});
  auto accepted = std::async(std::launch::async, [&] { return listener.Accept({SessionId{}, 1}, {Expect(2)}, kLong); });
  RawClient silent(listener.port());
  EXPECT_EQ(silent.ReadToTheEnd(), "");
  const auto right = ConnectTcp("127.0.0.1", listener.port(), {SessionId{}, 2}, Expect(1), kLong);
  accepted.get();
  ExpectContains(listener.turned_away().last, "sent no greeting in time");
}

TEST(TcpConnect, WhereThereIsNoPlaceTheOldestGoes) {
  TcpListener listener("127.0.0.1", 0, {kLong, 2});
  auto accepted = std::async(std::launch::async, [&] { return listener.Accept({SessionId{}, 1}, {Expect(2)}, kLong); });
  RawClient first(listener.port());
  RawClient second(listener.port());
  RawClient third(listener.port());
  EXPECT_EQ(first.ReadToTheEnd(), "");
  const auto right = ConnectTcp("127.0.0.1", listener.port(), {SessionId{}, 2}, Expect(1), kLong);
  EXPECT_EQ(second.ReadToTheEnd(), "");
  accepted.get();
  EXPECT_EQ(third.ReadToTheEnd(), "");
  EXPECT_EQ(listener.turned_away().count, 3u);
}

// A greeted connection of party 1 whose other end is raw.
struct Greeted {
  Greeted() {
    client.Write(Encode(Greeting{kWireVersion, 2, 1, {}}));
    channel = std::move(listener.Accept({SessionId{}, 1}, {Expect(2)}, kLong)[0]);
    // Closing with unread bytes would be a reset.
    client.ReadGreeting();
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
