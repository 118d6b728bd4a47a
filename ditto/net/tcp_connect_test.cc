// Meeting the right peer, and what strangers on the socket can do.
#include <chrono>
#include <future>
#include <memory>
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

// Until so many parties have come before their session.
void AwaitParked(TcpListener& listener, int count) {
  const SessionId nobodys{0xff, 0xff};
  const std::string parked = count == 0 ? "address" : "there are " + std::to_string(count) + " of other sessions";
  std::string error;
  while (error.size() < parked.size() || error.substr(error.size() - parked.size()) != parked) {
    error = ErrorOf([&] { listener.Accept({nobodys, 1}, {Expect(2)}, milliseconds(1)); });
  }
}

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
  const Told stranger = Meet({SessionId{}, 3}, 1);
  ExpectContains(stranger.listening, "it is party 3, which is not expected");
  ExpectContains(stranger.connecting, "connecting to P1 at 127.0.0.1");
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
    // Nobody opens the session there.
    ExpectContains(ErrorOf([&] { ConnectTcp("127.0.0.1", port, {}, Expect(1), kShort); }), "sent no greeting in time");
  }
  ExpectContains(ErrorOf([&] { ConnectTcp("127.0.0.1", port, {}, Expect(1), kShort); }),
                 "connecting to P1 at 127.0.0.1:" + std::to_string(port) + ": Connection refused for 500 ms");
  ExpectContains(ErrorOf([&] { ConnectTcp("no such host", 1, {}, Expect(1), kShort); }),
                 "cannot resolve no such host:1");
}

TEST(TcpConnect, TurnsAwayGarbageSilenceAndOtherVersions) {
  TcpListener listener("127.0.0.1", 0, nullptr, {kShort, 16, kShort});
  {
    RawClient client(listener.port());
    client.Write(std::string("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    EXPECT_EQ(client.ReadToTheEnd(), "");
    ExpectContains(listener.turned_away().last, "malformed greeting");
  }
  {
    RawClient client(listener.port());
    client.Write(Encode(Greeting{77, 2, 1, {}}));
    EXPECT_EQ(client.ReadGreeting().version, kWireVersion);
    EXPECT_EQ(client.ReadToTheEnd(), "");
    ExpectContains(listener.turned_away().last, "it speaks version 77");
  }
  {
    RawClient client(listener.port());
    EXPECT_EQ(client.ReadToTheEnd(), "");
    ExpectContains(listener.turned_away().last, "it connected but sent no greeting in time");
  }
  {
    RawClient client(listener.port());
    client.Write(std::string("DITTO"));
    client.socket.shutdown(asio::socket_base::shutdown_send);
    EXPECT_EQ(client.ReadToTheEnd(), "");
    ExpectContains(listener.turned_away().last, "closed the connection instead of sending a greeting");
  }
}

TEST(TcpConnect, AMissingPartyIsReportedWithWhoElseCame) {
  TcpListener listener("127.0.0.1", 0);
  RawClient parked(listener.port());
  parked.Write(Encode(Greeting{kWireVersion, 2, 1, {1}}));
  AwaitParked(listener, 1);
  auto accepted = std::async(std::launch::async, [&] {
    return ErrorOf([&] { listener.Accept({SessionId{}, 1}, {Expect(2)}, kLong); });
  });
  RawClient party(listener.port());
  party.Write(Encode(Greeting{kWireVersion, 0, 1, {}}));
  ExpectContains(Mismatch({kWireVersion, 0, 1, {}}, party.ReadGreeting()), "it does not expect party 0");
  ExpectContains(listener.turned_away().last_party, "it is party 0, which is not expected");
  listener.Cancel({}, "enough");
  EXPECT_EQ(accepted.get(), "enough");
  ExpectContains(ErrorOf([&] {
                   listener.Accept({SessionId{2}, 1}, {Expect(2)}, kShort);
                 }),
                 "for P2: no connection within 500 ms; check that the party runs and has this address; there are 1 of");
}

TEST(TcpConnect, WhoComesForASessionThatIsNotOpenedIsToldInTheEnd) {
  TcpListener listener("127.0.0.1", 0, nullptr, {kLong, 16, kShort});
  ExpectContains(
      ErrorOf([&] {
        ConnectTcp("127.0.0.1", listener.port(), {SessionId{1}, 2}, Expect(1), kLong);
      }),
      "connecting to P1 at 127.0.0.1:" + std::to_string(listener.port()) + ": it belongs to another session");
  ExpectContains(listener.turned_away().last_party, "another session than any that this party has opened");
}

TEST(TcpConnect, TheSessionIdIsShownToNobodyWhoHasNotShownIt) {
  const SessionId session{1, 2, 3, 4};
  auto listener = std::make_unique<TcpListener>("127.0.0.1", 0);
  auto accepted = std::async(std::launch::async, [&] { return listener->Accept({session, 1}, {Expect(2)}, kLong); });
  for (const SessionId& guess : {SessionId{}, SessionId{1, 2, 3, 5}}) {
    RawClient client(listener->port());
    client.Write(Encode(Greeting{kWireVersion, 2, 1, guess}));
    AwaitParked(*listener, 1);
    listener->Cancel(guess, "a guess");
    const Greeting answer = client.ReadGreeting();
    EXPECT_EQ(Mismatch({kWireVersion, 2, 1, guess}, answer).substr(0, 26), "it belongs to another sess");
    // It tells nothing that was not there before.
    for (size_t i = 0; i < guess.size(); ++i) EXPECT_EQ(answer.session[i], static_cast<uint8_t>(~guess[i]));
  }
  RawClient silent(listener->port());
  const auto right = ConnectTcp("127.0.0.1", listener->port(), {session, 2}, Expect(1), kLong);
  accepted.get();
  listener.reset();
  EXPECT_EQ(silent.ReadToTheEnd(), "");
}

TEST(TcpConnect, ASilentConnectionIsClosedWhenPatienceEnds) {
  TcpListener listener("127.0.0.1", 0, nullptr, {milliseconds(300), 16});
  RawClient silent(listener.port());
  EXPECT_EQ(silent.ReadToTheEnd(), "");
  ExpectContains(listener.turned_away().last, "sent no greeting in time");
}

TEST(TcpConnect, WhereThereIsNoPlaceTheOldestGoes) {
  TcpListener listener("127.0.0.1", 0, nullptr, {kLong, 2});
  auto accepted = std::async(std::launch::async, [&] { return listener.Accept({SessionId{}, 1}, {Expect(2)}, kLong); });
  RawClient first(listener.port());
  RawClient second(listener.port());
  RawClient third(listener.port());
  EXPECT_EQ(first.ReadToTheEnd(), "");
  const auto right = ConnectTcp("127.0.0.1", listener.port(), {SessionId{}, 2}, Expect(1), kLong);
  EXPECT_EQ(second.ReadToTheEnd(), "");
  accepted.get();
  EXPECT_EQ(listener.turned_away().count, 2u);
  ExpectContains(listener.turned_away().last, "too many connections waited");
}

TEST(TcpConnect, StrangersTakeNoPlaceOfWhoIsParked) {
  TcpListener listener("127.0.0.1", 0, nullptr, {kLong, 1, kLong});
  std::vector<std::unique_ptr<Channel>> channels;
  RawClient party(listener.port());
  party.Write(Encode(Greeting{kWireVersion, 2, 1, {}}));
  AwaitParked(listener, 1);
  RawClient first(listener.port());
  RawClient second(listener.port());
  EXPECT_EQ(first.ReadToTheEnd(), "");
  EXPECT_EQ(listener.turned_away().count, 1u);
  channels = listener.Accept({SessionId{}, 1}, {Expect(2)}, kLong);
  EXPECT_EQ(Mismatch({kWireVersion, 2, 1, {}}, party.ReadGreeting()), "");
}

TEST(TcpConnect, WhoIsParkedAndLeavesIsForgotten) {
  TcpListener listener("127.0.0.1", 0);
  {
    RawClient party(listener.port());
    party.Write(Encode(Greeting{kWireVersion, 2, 1, {}}));
    AwaitParked(listener, 1);
  }
  AwaitParked(listener, 0);
  ExpectContains(listener.turned_away().last, "it left before its session was opened here");
  auto right = std::async(std::launch::async, [&] {
    return ConnectTcp("127.0.0.1", listener.port(), {SessionId{}, 2}, Expect(1), kLong);
  });
  const auto channels = listener.Accept({SessionId{}, 1}, {Expect(2)}, kLong);
  right.get()->Send(1, {7});
  EXPECT_EQ(channels[0]->Receive(1), Bytes({7}));
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
