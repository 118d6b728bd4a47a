// What TLS promises, without sockets and with a network that listens, changes and cuts.
#include "ditto/net/tls.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <string>
#include <utility>
#include <vector>

#include "ditto/net/tcp_channel.h"
#include "ditto/net/test_certificates.h"
#include "ditto/net/test_sockets.h"
#include "ditto/net/testing.h"
#include "gtest/gtest.h"

namespace ditto {
namespace {

constexpr std::chrono::milliseconds kLong(60000);

void Carry(Tls& from, Tls& to) {
  for (auto output = from.Output(); output.size() > 0; output = from.Output()) {
    const size_t size = asio::buffer_copy(to.Space(), output);
    to.Received(size);
    from.Sent(size);
  }
}

// Two ends after their handshake: party 1 connects to party 2.
struct Linked {
  explicit Linked(uint64_t records_per_key = Tls::kRecordsPerKey)
      : one(PartyCredentials(1), Tls::Side::kConnects, 2, records_per_key),
        two(PartyCredentials(2), Tls::Side::kListens, {}, records_per_key) {
    bool done = false;
    while (!done) {
      done = one.Handshake();
      Carry(one, two);
      done = two.Handshake() && done;
      Carry(two, one);
    }
  }
  Tls one;
  Tls two;
};

void Say(Tls& tls, const std::vector<std::string>& parts) {
  std::vector<asio::const_buffer> buffers;
  for (const std::string& part : parts) buffers.push_back(asio::buffer(part));
  asio::error_code error;
  EXPECT_EQ(tls.Write(buffers, error), asio::buffer_size(buffers));
  EXPECT_FALSE(error);
}

std::string Hear(Tls& tls) {
  std::string text, part(1000, '\0');
  while (const size_t size = tls.Read(asio::buffer(part))) text += part.substr(0, size);
  return text;
}

TEST(Tls, KnowsBothPartiesAndCarriesBytesBothWays) {
  Linked link;
  EXPECT_EQ(link.one.peer_party(), 2);
  EXPECT_EQ(link.two.peer_party(), 1);
  const std::string large(50000, 'x');
  Say(link.one, {"a", large, "", "b", "c"});
  Say(link.two, {"d"});
  Carry(link.one, link.two);
  Carry(link.two, link.one);
  EXPECT_EQ(Hear(link.two), "a" + large + "bc");
  EXPECT_EQ(Hear(link.one), "d");
}

TEST(Tls, TakesNoMoreThanThereIsRoomFor) {
  Linked link;
  const std::string large(1 << 20, 'x');
  asio::error_code error;
  const size_t taken = link.one.Write({asio::buffer(large)}, error);
  EXPECT_FALSE(error);
  EXPECT_GT(taken, 0u);
  EXPECT_LT(taken, large.size());
  EXPECT_EQ(link.one.Write({asio::buffer(large)}, error), 0u);
  EXPECT_FALSE(error);
  Carry(link.one, link.two);
  EXPECT_EQ(Hear(link.two).size(), taken);
}

TEST(Tls, KeysAreChangedBeforeTheyAreWornOut) {
  Linked link(3);
  for (int i = 0; i < 20; ++i) {
    Say(link.one, {"to two " + std::to_string(i)});
    Say(link.two, {"to one " + std::to_string(i)});
    Carry(link.one, link.two);
    Carry(link.two, link.one);
    ASSERT_EQ(Hear(link.two), "to two " + std::to_string(i));
    ASSERT_EQ(Hear(link.one), "to one " + std::to_string(i));
  }
}

TEST(Tls, AnEndIsToldFromSilence) {
  Linked link;
  EXPECT_EQ(Hear(link.two), "");
  EXPECT_FALSE(link.two.ended());
  Say(link.one, {"last"});
  link.one.Finish();
  Carry(link.one, link.two);
  EXPECT_EQ(Hear(link.two), "last");
  EXPECT_TRUE(link.two.ended());
  Say(link.two, {"still heard"});
  Carry(link.two, link.one);
  EXPECT_EQ(Hear(link.one), "still heard");
}

// What is sent again or left out is not taken either: every record has its number.
TEST(Tls, RepeatedBytesAreRefused) {
  Linked link;
  Say(link.one, {"pay once"});
  const auto output = link.one.Output();
  for (int i = 0; i < 2; ++i) link.two.Received(asio::buffer_copy(link.two.Space(), output));
  std::string text(8, '\0');
  EXPECT_EQ(link.two.Read(asio::buffer(text)), 8u);
  EXPECT_NE(ErrorOf([&] { link.two.Read(asio::buffer(text)); }), "no error");
}

// Parties 1 and 2 with somebody in between. Party 1 listens.
struct Watched {
  explicit Watched(Wire wire) : listener("127.0.0.1", 0, wire == Wire::kTls ? PartyCredentials(1) : nullptr) {
    const auto self = [&](int party) {
      return Identity{SessionId{9, 8, 7, 6, 5, 4, 3, 2}, party, wire == Wire::kTls ? PartyCredentials(party) : nullptr};
    };
    auto accepted = std::async(std::launch::async, [&] {
      return std::move(listener.Accept(self(1), {{2, TestOptions("P2", 60000)}}, kLong)[0]);
    });
    two = ConnectTcp("127.0.0.1", proxy.port(), self(2), {1, TestOptions("P1", 60000)}, kLong);
    one = accepted.get();
  }
  TcpListener listener;
  RecordingProxy proxy{listener.port()};
  std::unique_ptr<Channel> one;
  std::unique_ptr<Channel> two;
};

TEST(TlsOnTheWire, NothingOfWhatIsSaidCanBeSeen) {
  const std::string secret = "the masks of party 2";
  const Bytes payload(secret.begin(), secret.end());
  for (const Wire wire : {Wire::kPlain, Wire::kTls}) {
    Watched link(wire);
    link.two->Send(1, payload);
    link.one->Send(1, payload);
    EXPECT_EQ(link.one->Receive(1), payload);
    EXPECT_EQ(link.two->Receive(1), payload);
    link.one->Abort(secret);
    ErrorOf([&] { link.two->Receive(1); });
    const std::string seen = link.proxy.recorded();
    for (const std::string& part : {secret, std::string("DITTO-3P"), std::string("\x09\x08\x07\x06\x05\x04\x03\x02")}) {
      EXPECT_EQ(seen.find(part) == std::string::npos, wire == Wire::kTls) << part;
    }
  }
}

TEST(TlsOnTheWire, ChangedBytesEndTheChannel) {
  Watched link(Wire::kTls);
  link.two->Send(1, {1});
  EXPECT_EQ(link.one->Receive(1), Bytes({1}));
  link.proxy.Tamper();
  link.two->Send(1, {2});
  ExpectContains(ErrorOf([&] { link.one->Receive(1); }), "tag 1 from P2: the connection was lost: TLS failed");
}

TEST(TlsOnTheWire, ACutConnectionIsLostAndNotClosed) {
  for (const Wire wire : {Wire::kPlain, Wire::kTls}) {
    Watched link(wire);
    link.two->Send(1, {1});
    EXPECT_EQ(link.one->Receive(1), Bytes({1}));
    link.proxy.Cut();
    for (Channel* channel : {link.one.get(), link.two.get()}) {
      // Without TLS the two cannot be told apart.
      ExpectContains(ErrorOf([&] { channel->Receive(1); }),
                     wire == Wire::kTls ? "the connection was lost: it was cut off" : "the peer closed the connection");
    }
  }
}

TEST(TlsOnTheWire, ClosingIsToldAsSuch) {
  Watched link(Wire::kTls);
  link.two->Send(1, {1});
  auto closing = std::async(std::launch::async, [&] { link.two.reset(); });
  EXPECT_EQ(link.one->Receive(1), Bytes({1}));
  ExpectContains(ErrorOf([&] { link.one->Receive(1); }), "the peer closed the connection");
  closing.get();
}

}  // namespace
}  // namespace ditto
