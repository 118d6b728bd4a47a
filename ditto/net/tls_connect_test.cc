// Who gets in with TLS, who does not, and what each of them is told.
#include <openssl/ssl.h>

#include <asio.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
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
      : listener_("127.0.0.1", 0, self.credentials),
        accepted_(std::async(std::launch::async, [this, self] { return listener_.Accept(self, {Expect(2)}, kLong); })) {
  }

  uint16_t port() const { return listener_.port(); }

  // What `self`, who expects `party`, is told.
  std::string Knock(const Identity& self, int party = 1, milliseconds timeout = kLong) {
    return ErrorOf([&] { ConnectTcp("127.0.0.1", port(), self, Expect(party), timeout); });
  }

  void Cancel(const SessionId& session) { listener_.Cancel(session, "cancelled"); }

  // What party 1 knows of who came first, once `right` is in, who can talk to it.
  TurnedAway Open(const Identity& right = Party(2)) {
    const auto channel = ConnectTcp("127.0.0.1", port(), right, Expect(1), kLong);
    channel->Send(1, {7});
    EXPECT_EQ(accepted_.get()[0]->Receive(1), Bytes({7}));
    return listener_.turned_away();
  }

 private:
  TcpListener listener_;
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
  const Identity one = Pinning(expired);
  TcpListener listener("127.0.0.1", 0, one.credentials);
  const auto told = ErrorOf([&] { ConnectTcp("127.0.0.1", listener.port(), Showing(expired), Expect(1), kLong); });
  ExpectContains(told, "it ended the connection with the TLS alert certificate expired; check that it has pinned");
  while (listener.turned_away().count == 0) std::this_thread::yield();
  ExpectContains(listener.turned_away().last, "the certificate of party 2 expired on 20");
}

TEST(TlsConnect, ACertificateThatIsNotValidYetIsRefused) {
  const TestCertificate early = MakeTestCertificate("P2", 3600, 7200);
  const Identity one = Pinning(early);
  TcpListener listener("127.0.0.1", 0, one.credentials);
  ExpectContains(ErrorOf([&] { ConnectTcp("127.0.0.1", listener.port(), Showing(early), Expect(1), kLong); }),
                 "it ended the connection with the TLS alert bad certificate");
  while (listener.turned_away().count == 0) std::this_thread::yield();
  ExpectContains(listener.turned_away().last, "the certificate of party 2 is not valid before 20");
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
  one.Cancel(SessionId{4});
  ExpectContains(one.Knock(Party(2, SessionId{4})), "it belongs to another session");
  const TurnedAway session = one.Open();
  ExpectContains(session.last, "this party has given its session up: cancelled");
  EXPECT_EQ(session.last, session.last_party);

  Listening again;
  ExpectContains(again.Knock(Party(0)), "it does not expect party 0");
  ExpectContains(again.Open().last, "it is party 0, which is not expected");
}

TEST(TlsConnect, NobodyIsExpectedWithoutAPinnedCertificate) {
  const TestCertificate& own = PartyCertificate(1);
  const Identity self{kSession, 1,
                      std::make_shared<Credentials>(own.certificate, own.key, std::map<int, std::string>{})};
  TcpListener listener("127.0.0.1", 0, self.credentials);
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

TEST(TlsConnect, APartyHasTheCredentialsOfItsListener) {
  TcpListener listener("127.0.0.1", 0, PartyCredentials(1));
  ExpectContains(ErrorOf([&] {
                   listener.Accept({kSession, 1}, {Expect(2)}, kLong);
                 }),
                 "party 1 has other credentials than its listener");
}

TEST(TlsConnect, AHalfHandshakeKeepsNobodyWaiting) {
  auto one = std::make_unique<Listening>();
  RawClient half(one->port()), silent(one->port()), whole(one->port());
  half.Write(Hello().substr(0, 50));
  whole.Write(Hello());
  one->Open();
  one.reset();
  EXPECT_EQ(half.ReadToTheEnd(), "");
  EXPECT_EQ(silent.ReadToTheEnd(), "");
  // Not even the certificates can be read.
  EXPECT_EQ(whole.ReadToTheEnd().find("DITTO"), std::string::npos);
}

TEST(TlsConnect, AHandshakeThatStopsIsClosedWhenPatienceEnds) {
  TcpListener listener("127.0.0.1", 0, PartyCredentials(1), {milliseconds(300), 16});
  RawClient client(listener.port());
  client.Write(Hello().substr(0, 50));
  EXPECT_EQ(client.ReadToTheEnd(), "");
  ExpectContains(listener.turned_away().last, "sent no TLS handshake in time");
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

// Three parties of this process, each with one listener.
class Parties {
 public:
  explicit Parties(Wire wire) : wire_(wire) {
    for (int i = 0; i < 3; ++i) listeners_.emplace_back("127.0.0.1", 0, credentials(i), Reception{kShort, 8, kLong});
  }

  TcpListener& listener(int role) { return listeners_[static_cast<size_t>(role)]; }

  Identity Self(const SessionId& session, int role) const { return {session, role, credentials(role)}; }

  // The channels to the other two, as a session opens them.
  std::vector<std::unique_ptr<Channel>> Open(const SessionId& session, int role) {
    std::vector<std::unique_ptr<Channel>> channels;
    const auto cancellation = listener(role).CancellationOf(session);
    for (int i = 0; i < role; ++i) {
      channels.push_back(
          ConnectTcp("127.0.0.1", listener(i).port(), Self(session, role), Expect(i), kLong, cancellation.get()));
    }
    std::vector<Peer> higher;
    for (int i = role + 1; i < 3; ++i) higher.push_back(Expect(i));
    for (auto& channel : listener(role).Accept(Self(session, role), higher, kLong)) {
      channels.push_back(std::move(channel));
    }
    return channels;
  }

  // Opens so many sessions at once, the parties in different order. Each channel leads to the right party of the right
  // session.
  void OpenAtOnce(int sessions) {
    // Those of a party are closed last: one that closes early would keep another from sending.
    std::vector<std::vector<std::unique_ptr<Channel>>> open(static_cast<size_t>(3 * sessions));
    std::vector<std::future<void>> opening;
    for (int k = 0; k < 3 * sessions; ++k) {
      const int role = k % 3;
      // 3 is prime to the 7 or 1 that a party steps by from session to session.
      const int number = (role == 0 ? k / 3 : role == 1 ? sessions - 1 - k / 3 : (k / 3 * 3 + 1) % sessions);
      opening.push_back(std::async(std::launch::async, [=, &mine = open[static_cast<size_t>(k)]] {
        mine = Open(SessionId{42, static_cast<uint8_t>(number)}, role);
        const auto told = [=](int to) {
          return Bytes{static_cast<uint8_t>(number), static_cast<uint8_t>(10 * role + to)};
        };
        const int others[3][2] = {{1, 2}, {0, 2}, {0, 1}};
        for (size_t i = 0; i < 2; ++i) mine[i]->Send(1, told(others[role][i]));
        for (size_t i = 0; i < 2; ++i) {
          const auto from = static_cast<uint8_t>(10 * others[role][i] + role);
          EXPECT_EQ(mine[i]->Receive(1), (Bytes{static_cast<uint8_t>(number), from}));
        }
      }));
    }
    for (auto& one : opening) one.get();
  }

 private:
  std::shared_ptr<const Credentials> credentials(int role) const {
    return wire_ == Wire::kTls ? PartyCredentials(role) : nullptr;
  }

  const Wire wire_;
  std::deque<TcpListener> listeners_;
};

class ManySessions : public testing::TestWithParam<Wire> {
 protected:
  Parties parties{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(, ManySessions, testing::Values(Wire::kPlain, Wire::kTls),
                         [](const auto& info) { return info.param == Wire::kTls ? "Tls" : "Plain"; });

TEST_P(ManySessions, TwoOpenAtOnce) { parties.OpenAtOnce(2); }

TEST_P(ManySessions, EightOpenAtOnceAmidStrangers) {
  std::vector<std::thread> strangers;
  for (int i = 0; i < 20; ++i) {
    const uint16_t port = parties.listener(i % 2).port();
    strangers.emplace_back([port, i] { Disturb(port, i / 2); });
  }
  parties.OpenAtOnce(8);
  // Some greet as if they belonged to this one.
  for (int i = 0; i < 2; ++i) parties.listener(i).Cancel(kSession, "nobody opens it");
  for (std::thread& stranger : strangers) stranger.join();
}

TEST_P(ManySessions, APartyMayComeBeforeItsSession) {
  auto early = std::async(std::launch::async, [&] { return parties.Open(kSession, 2); });
  // Others come and go meanwhile.
  parties.OpenAtOnce(2);
  auto zero = std::async(std::launch::async, [&] { return parties.Open(kSession, 0); });
  const auto one = parties.Open(kSession, 1);
  const auto two = early.get();
  zero.get()[1]->Send(1, {9});
  EXPECT_EQ(two[0]->Receive(1), Bytes({9}));
}

TEST_P(ManySessions, ASessionThatIsGivenUpDisturbsNoOther) {
  // Waits for others; connects to one that has not opened the session.
  auto zero = std::async(std::launch::async, [&] { return ErrorOf([&] { parties.Open(kSession, 0); }); });
  auto other = std::async(std::launch::async, [&] { return ErrorOf([&] { parties.Open(SessionId{5}, 2); }); });
  parties.OpenAtOnce(1);
  parties.listener(0).Cancel(kSession, "the caller has left");
  EXPECT_EQ(zero.get(), "the caller has left");
  parties.listener(2).Cancel(SessionId{5}, "stopped");
  EXPECT_EQ(other.get(), "stopped");
  // Who comes too late learns it at once.
  ExpectContains(ErrorOf([&] { parties.Open(kSession, 2); }), "has given this one up");
  EXPECT_EQ(ErrorOf([&] { parties.Open(kSession, 0); }), "the caller has left");
  parties.OpenAtOnce(2);
}

TEST(Cancellation, EndsConnectingWhateverItWaitsFor) {
  // Nobody there; somebody who does not answer, plain and with TLS.
  uint16_t nobody;
  {
    TcpListener probe("127.0.0.1", 0);
    nobody = probe.port();
  }
  asio::io_context io;
  asio::ip::tcp::acceptor silent(io, {asio::ip::address_v4::loopback(), 0});
  for (const auto& [port, self] : {std::pair(nobody, Identity{kSession, 2}),
                                   {silent.local_endpoint().port(), Identity{kSession, 2}},
                                   {silent.local_endpoint().port(), Party(2)}}) {
    Cancellation cancellation;
    auto connecting = std::async(std::launch::async, [&, port = port, self = self] {
      return ErrorOf([&] { ConnectTcp("127.0.0.1", port, self, Expect(1), kLong, &cancellation); });
    });
    if (port != nobody) silent.accept();
    cancellation.Cancel("the caller has left");
    EXPECT_EQ(connecting.get(), "the caller has left");
    EXPECT_EQ(ErrorOf([&, port = port, self = self] {
                ConnectTcp("127.0.0.1", port, self, Expect(1), kLong, &cancellation);
              }),
              "the caller has left");
  }
}

}  // namespace
}  // namespace ditto
