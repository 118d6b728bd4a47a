// Who gets in with TLS, who does not, and what each of them is told.
#include <openssl/ssl.h>

#include <array>
#include <chrono>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "ditto/net/tcp_channel.h"
#include "ditto/net/test_certificates.h"
#include "ditto/net/test_sockets.h"
#include "ditto/net/testing.h"
#include "ditto/net/tls.h"
#include "gtest/gtest.h"

namespace ditto {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLong(60000);
// What runs out; long enough that a busy machine gets as far as the test means it to.
constexpr milliseconds kShort(500);
constexpr SessionId kSession{1, 2, 3};

Peer Expect(int party) { return {party, TestOptions("P" + std::to_string(party), 60000)}; }

Identity Party(int party, const SessionId& session = kSession) { return {session, party, PartyCredentials(party)}; }

// Party 1, waiting for party 2 while somebody else knocks.
class Listening {
 public:
  explicit Listening(Identity self = Party(1))
      : accepted_(std::async(std::launch::async, [this, self] { return listener_.Accept(self, {Expect(2)}, kLong); })) {
  }

  uint16_t port() const { return listener_.port(); }

  // What `self`, who expects `party`, is told.
  std::string Knock(const Identity& self, int party = 1, milliseconds timeout = kLong) {
    return ErrorOf([&] { ConnectTcp("127.0.0.1", port(), self, Expect(party), timeout); });
  }

  // What party 1 knows of who came first, once `right` is in, who can talk to it.
  TurnedAway Open(const Identity& right = Party(2)) {
    const auto channel = ConnectTcp("127.0.0.1", port(), right, Expect(1), kLong);
    channel->Send(1, {7});
    EXPECT_EQ(accepted_.get()[0]->Receive(1), Bytes({7}));
    return listener_.turned_away();
  }

 private:
  TcpListener listener_{"127.0.0.1", 0};
  std::future<std::vector<std::unique_ptr<Channel>>> accepted_;
};

// One who knows the parties, but shows a certificate of their own.
Identity Showing(const TestCertificate& certificate) { return {kSession, 2, CredentialsWith(certificate, 2)}; }

// Party 1 that pins `certificate` for party 2.
Identity Pinning(const TestCertificate& certificate) {
  const TestCertificate& own = PartyCertificate(1);
  return {kSession, 1,
          std::make_shared<Credentials>(own.certificate, own.key,
                                        std::map<int, std::string>{{2, certificate.certificate}})};
}

TEST(TlsConnect, ACertificateThatIsNotPinnedIsRefused) {
  Listening one;
  const std::string told = one.Knock(Showing(MakeTestCertificate("P2")));
  ExpectContains(told, "connecting to P1 at 127.0.0.1");
  ExpectContains(told, "it ended the connection with the TLS alert bad certificate; check that it has pinned");
  const TurnedAway away = one.Open();
  EXPECT_EQ(away.count, 1u);
  ExpectContains(away.last, "its certificate is pinned for no party (SHA-256 ");
  EXPECT_EQ(away.last_party, "");
}

TEST(TlsConnect, APartyRefusesAListenerThatIsNotPinned) {
  const TestCertificate foreign = MakeTestCertificate("P1");
  Listening one({kSession, 1, CredentialsWith(foreign, 1)});
  ExpectContains(one.Knock(Party(2)), "its certificate is pinned for no party (SHA-256 ");
  const TestCertificate& own = PartyCertificate(2);
  const std::map<int, std::string> pins = {{1, foreign.certificate}};
  const TurnedAway away = one.Open({kSession, 2, std::make_shared<Credentials>(own.certificate, own.key, pins)});
  ExpectContains(away.last, "it ended the connection with the TLS alert bad certificate; check that it has pinned");
}

TEST(TlsConnect, AnExpiredCertificateIsRefusedAndSaysSinceWhen) {
  const TestCertificate expired = MakeTestCertificate("P2", -7200, -3600);
  TcpListener listener("127.0.0.1", 0);
  auto accepted = std::async(std::launch::async,
                             [&] { return ErrorOf([&] { listener.Accept(Pinning(expired), {Expect(2)}, kShort); }); });
  const auto told = ErrorOf([&] { ConnectTcp("127.0.0.1", listener.port(), Showing(expired), Expect(1), kLong); });
  ExpectContains(told, "it ended the connection with the TLS alert certificate expired; check that it has pinned");
  ExpectContains(accepted.get(), "the certificate of party 2 expired on 20");
}

TEST(TlsConnect, ACertificateThatIsNotValidYetIsRefused) {
  const TestCertificate early = MakeTestCertificate("P2", 3600, 7200);
  TcpListener listener("127.0.0.1", 0);
  auto accepted = std::async(std::launch::async,
                             [&] { return ErrorOf([&] { listener.Accept(Pinning(early), {Expect(2)}, kShort); }); });
  ExpectContains(ErrorOf([&] { ConnectTcp("127.0.0.1", listener.port(), Showing(early), Expect(1), kLong); }),
                 "it ended the connection with the TLS alert bad certificate");
  ExpectContains(accepted.get(), "the certificate of party 2 is not valid before 20");
}

TEST(TlsConnect, APartyCannotBeAnother) {
  Listening one;
  ExpectContains(one.Knock({kSession, 2, PartyCredentials(0)}), "it does not expect party 2");
  ExpectContains(one.Knock(Party(2), 0), "its certificate is that of party 1, expected party 0");
  const TurnedAway away = one.Open();
  EXPECT_EQ(away.count, 2u);
  ExpectContains(away.last_party, "it says that it is party 2, but its certificate is that of party 0");
}

TEST(TlsConnect, AMismatchIsToldOnBothSides) {
  Listening one;
  ExpectContains(one.Knock(Party(2, SessionId{4})), "it belongs to another session");
  const TurnedAway session = one.Open();
  ExpectContains(session.last, "it belongs to another session");
  EXPECT_EQ(session.last, session.last_party);

  Listening again;
  ExpectContains(again.Knock(Party(0)), "it does not expect party 0");
  ExpectContains(again.Open().last, "it is party 0, which is not expected");
}

TEST(TlsConnect, NobodyIsExpectedWithoutAPinnedCertificate) {
  const TestCertificate& own = PartyCertificate(1);
  const Identity self{kSession, 1,
                      std::make_shared<Credentials>(own.certificate, own.key, std::map<int, std::string>{})};
  TcpListener listener("127.0.0.1", 0);
  ExpectContains(ErrorOf([&] { listener.Accept(self, {Expect(2)}, kLong); }), "no certificate is pinned for P2");
  ExpectContains(ErrorOf([&] { ConnectTcp("127.0.0.1", listener.port(), self, Expect(2), kLong); }),
                 "no certificate is pinned for P2");
}

TEST(TlsConnect, OneWithoutCredentialsDoesNotGetIn) {
  Listening one;
  ExpectContains(one.Knock({kSession, 2}, 1, kShort), "it closed the connection instead of sending a greeting");
  ExpectContains(one.Open().last, "it does not speak TLS");
}

TEST(TlsConnect, OneWithoutCredentialsIsNotConnectedTo) {
  Listening one({kSession, 1});
  ExpectContains(one.Knock(Party(2), 1, kShort), "it closed the connection instead of sending a TLS handshake");
  ExpectContains(one.Open({kSession, 2}).last, "it speaks TLS, but this party was given no credentials");
}

// The first bytes of a party that connects.
std::string Hello() {
  Tls tls(PartyCredentials(2), Tls::Side::kConnects, 1);
  tls.Handshake();
  const asio::const_buffer hello = tls.Output();
  return {static_cast<const char*>(hello.data()), hello.size()};
}

TEST(TlsConnect, AHalfHandshakeKeepsNobodyWaiting) {
  Listening one;
  RawClient half(one.port()), silent(one.port()), whole(one.port());
  half.Write(Hello().substr(0, 50));
  whole.Write(Hello());
  const TurnedAway away = one.Open();
  EXPECT_EQ(away.count, 3u);
  EXPECT_EQ(half.ReadToTheEnd(), "");
  EXPECT_EQ(silent.ReadToTheEnd(), "");
  // Not even the certificates can be read.
  EXPECT_EQ(whole.ReadToTheEnd().find("DITTO"), std::string::npos);
}

TEST(TlsConnect, AHandshakeThatStopsIsClosedWhenPatienceEnds) {
  TcpListener listener("127.0.0.1", 0, {milliseconds(300), 16});
  auto accepted = std::async(std::launch::async, [&] { return listener.Accept(Party(1), {Expect(2)}, kLong); });
  RawClient client(listener.port());
  client.Write(Hello().substr(0, 50));
  EXPECT_EQ(client.ReadToTheEnd(), "");
  const auto right = ConnectTcp("127.0.0.1", listener.port(), Party(2), Expect(1), kLong);
  accepted.get();
  ExpectContains(listener.turned_away().last, "in time");
}

TEST(TlsConnect, TheSessionIdIsNotSentToStrangers) {
  // A listener that answers a greeting would show it. This one is met by somebody who greets without TLS.
  Listening one;
  RawClient client(one.port());
  client.Write(Encode(Greeting{kWireVersion, 2, 1, {}}));
  EXPECT_EQ(client.ReadToTheEnd().find("DITTO-3P"), std::string::npos);
  ExpectContains(one.Open().last, "it does not speak TLS");
}

// Connects with OpenSSL as it comes, changed by `configure`.
void ConnectWith(uint16_t port, const std::function<void(SSL_CTX*)>& configure) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  configure(context.get());
  RawClient client(port);
  const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context.get()), SSL_free);
  SSL_set_fd(ssl.get(), client.socket.native_handle());
  char byte;
  // In TLS 1.3 a client learns by reading that it was refused.
  EXPECT_FALSE(SSL_connect(ssl.get()) == 1 && SSL_read(ssl.get(), &byte, 1) == 1);
}

TEST(TlsConnect, NothingOlderThanTls13IsSpoken) {
  Listening one;
  ConnectWith(one.port(), [](SSL_CTX* context) { SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION); });
  ExpectContains(one.Open().last, "the TLS handshake failed: unsupported protocol");
}

TEST(TlsConnect, WhoShowsNoCertificateIsRefused) {
  Listening one;
  ConnectWith(one.port(), [](SSL_CTX*) {});
  ExpectContains(one.Open().last, "it shows no certificate");
}

// All that strangers try, one way after the other.
void Disturb(uint16_t port, int way) {
  RawClient client(port);
  switch (way % 6) {
    case 0:
      break;
    case 1:
      client.Write(std::string(5000, 'x'));
      break;
    case 2:
      client.Write(Hello().substr(0, 100));
      break;
    case 3:
      client.Write(Encode(Greeting{kWireVersion, 2, 0, kSession}));
      break;
    case 4:
      client.socket.set_option(asio::socket_base::linger(true, 0));
      client.socket.close();
      return;
    default:
      ErrorOf(
          [&] { ConnectTcp("127.0.0.1", port, Showing(MakeTestCertificate("stranger")), Expect(way % 2), kShort); });
      return;
  }
  client.ReadToTheEnd();
}

TEST(TlsConnect, ThreePartiesOpenTheirSessionAmidStrangers) {
  // Ended last: who waits in the queue of a listener that accepts nobody any more is freed when it closes.
  std::vector<std::future<void>> strangers;
  std::deque<TcpListener> listeners;
  for (int i = 0; i < 3; ++i) listeners.emplace_back("127.0.0.1", 0);
  for (int i = 0; i < 20; ++i) {
    const uint16_t port = listeners[static_cast<size_t>(i % 2)].port();
    strangers.push_back(std::async(std::launch::async, [port, i] { Disturb(port, i / 2); }));
  }
  // A party that closes early would keep another from sending.
  std::array<std::vector<std::unique_ptr<Channel>>, 3> channels;
  std::vector<std::future<Bytes>> parties;
  for (int role = 0; role < 3; ++role) {
    parties.push_back(std::async(std::launch::async, [&listeners, role, &mine = channels[static_cast<size_t>(role)]] {
      for (int i = 0; i < role; ++i) {
        mine.push_back(
            ConnectTcp("127.0.0.1", listeners[static_cast<size_t>(i)].port(), Party(role), Expect(i), kLong));
      }
      std::vector<Peer> higher;
      for (int i = role + 1; i < 3; ++i) higher.push_back(Expect(i));
      for (auto& channel : listeners[static_cast<size_t>(role)].Accept(Party(role), higher, kLong)) {
        mine.push_back(std::move(channel));
      }
      for (const auto& channel : mine) channel->Send(1, {static_cast<uint8_t>(role)});
      Bytes heard;
      for (const auto& channel : mine) heard.push_back(channel->Receive(1)[0]);
      return heard;
    }));
  }
  EXPECT_EQ(parties[0].get(), Bytes({1, 2}));
  EXPECT_EQ(parties[1].get(), Bytes({0, 2}));
  EXPECT_EQ(parties[2].get(), Bytes({0, 1}));
}

}  // namespace
}  // namespace ditto
