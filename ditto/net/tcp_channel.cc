#include "ditto/net/tcp_channel.h"

#include <algorithm>
#include <asio.hpp>
#include <list>
#include <optional>
#include <thread>
#include <utility>

#include "ditto/net/connection.h"

namespace ditto {
namespace {

using asio::ip::tcp;
using Clock = std::chrono::steady_clock;

// For a peer that is not up yet, and one that is but hung up.
constexpr std::chrono::milliseconds kRetryPause(20);
constexpr std::chrono::milliseconds kRefusedPause(200);

std::unique_ptr<Tls> MakeTls(const Identity& self, Tls::Side side, std::optional<int> expected) {
  return self.credentials ? std::make_unique<Tls>(self.credentials, side, expected) : nullptr;
}

void CheckPinned(const Identity& self, const Peer& peer) {
  if (!self.credentials || self.credentials->Pins(peer.party)) return;
  throw ChannelError("no certificate is pinned for " + peer.options.peer_name + "; add it to the credentials");
}

// An attempt to connect within one machine to a port that nobody listens at can reach its own socket.
bool MetItself(const tcp::socket& socket) {
  asio::error_code local, remote;
  return socket.local_endpoint(local) == socket.remote_endpoint(remote) && !local && !remote;
}

std::string Address(const std::string& host, uint16_t port) { return host + ":" + std::to_string(port); }

tcp::resolver::results_type Resolve(asio::io_context& io, const std::string& host, uint16_t port,
                                    tcp::resolver::flags flags) {
  asio::error_code error;
  const auto results = tcp::resolver(io).resolve(host, std::to_string(port), flags, error);
  if (error) throw ChannelError("cannot resolve " + Address(host, port) + ": " + error.message());
  return results;
}

}  // namespace

struct TcpListener::Impl {
  Reception reception;
  TurnedAway turned_away;
  asio::io_context io{1};
  tcp::acceptor acceptor{io};
};

TcpListener::TcpListener(const std::string& host, uint16_t port, Reception reception)
    : impl_(std::make_unique<Impl>()) {
  impl_->reception = reception;
  const auto endpoint = Resolve(impl_->io, host, port, tcp::resolver::passive).begin()->endpoint();
  try {
    impl_->acceptor.open(endpoint.protocol());
    impl_->acceptor.set_option(tcp::acceptor::reuse_address(true));
    impl_->acceptor.bind(endpoint);
    impl_->acceptor.listen();
  } catch (const asio::system_error& error) {
    throw ChannelError("cannot listen at " + Address(host, port) + ": " + error.code().message() +
                       "; choose a free port of this machine");
  }
}

TcpListener::~TcpListener() = default;

uint16_t TcpListener::port() const { return impl_->acceptor.local_endpoint().port(); }

const TurnedAway& TcpListener::turned_away() const { return impl_->turned_away; }

// One call of Accept. Everything happens on the thread that called it.
class TcpListener::Meeting {
 public:
  Meeting(Impl& listener, const Identity& self, const std::vector<Peer>& peers)
      : listener_(listener), self_(self), peers_(peers), channels_(peers.size()), missing_(peers.size()) {
    listener_.turned_away = {};
  }

  ~Meeting() { Disperse("nobody else is expected"); }

  std::vector<std::unique_ptr<Channel>> Run(std::chrono::milliseconds timeout) {
    deadline_ = Clock::now() + timeout;
    if (missing_ > 0) {
      AwaitNext();
      listener_.io.restart();
      listener_.io.run_until(deadline_);
    }
    if (missing_ > 0) {
      Disperse("it connected but sent no greeting in time; check that it is a party of this session");
      throw ChannelError(Missing(timeout));
    }
    return std::move(channels_);
  }

 private:
  void AwaitNext() {
    listener_.acceptor.async_accept([this](const asio::error_code& error, tcp::socket socket) {
      if (over_) return;
      if (!error) {
        Receive(std::move(socket));
        return AwaitNext();
      }
      // Somebody has left already, or too many files are open: that may pass.
      TurnAway(false, "accepting it failed: " + error.message());
      pause_.expires_after(kRetryPause);
      pause_.async_wait([this](const asio::error_code&) {
        if (!over_) AwaitNext();
      });
    });
  }

  void Receive(tcp::socket socket) {
    if (visitors_.size() >= listener_.reception.places) {
      const auto oldest = visitors_.front();
      visitors_.pop_front();
      oldest->Close("too many connections waited, it for the longest time");
    }
    visitors_.push_back(std::make_shared<Connection>(std::move(socket), MakeTls(self_, Tls::Side::kListens, {})));
    // What is called here is called by the connection.
    Connection* visitor = visitors_.back().get();
    visitor->Begin(std::min(deadline_, Clock::now() + listener_.reception.patience),
                   [=](const Connection::Failure& failure) { Refuse(visitor, failure.reason); });
    visitor->Handshake([=] { visitor->AwaitGreeting([=](const Greeting& theirs) { Judge(visitor, theirs); }); });
  }

  void Judge(Connection* visitor, const Greeting& theirs) {
    size_t i = 0;
    while (i < peers_.size() && (peers_[i].party != theirs.own || channels_[i])) ++i;
    Greeting mine{kWireVersion, static_cast<uint16_t>(self_.party), theirs.own, self_.session};
    std::string problem;
    if (visitor->peer_party().value_or(theirs.own) != theirs.own) {
      problem = "it says that it is party " + std::to_string(theirs.own) + ", but its certificate is that of party " +
                std::to_string(*visitor->peer_party()) + "; check both parties' configuration";
    } else if (i == peers_.size() && theirs.version == kWireVersion) {
      problem = "it is party " + std::to_string(theirs.own) +
                ", which is not expected or has connected already; check the parties' addresses";
    }
    // What is answered fails the other end's check too, and shows the session id to nobody who has not shown it.
    if (i == peers_.size() || !problem.empty()) mine.expected = static_cast<uint16_t>(~theirs.own);
    if (theirs.session != self_.session) {
      std::transform(theirs.session.begin(), theirs.session.end(), mine.session.begin(),
                     [](uint8_t byte) { return static_cast<uint8_t>(~byte); });
    }
    if (problem.empty()) problem = Mismatch(mine, theirs);
    visitor->Greet(mine);
    if (!problem.empty()) return Refuse(visitor, problem);
    channels_[i] = visitor->Open(peers_[i].options);
    Forget(visitor);
    if (--missing_ == 0) listener_.io.stop();
  }

  void Refuse(Connection* visitor, const std::string& reason) {
    TurnAway(visitor->met_a_party(), reason);
    visitor->Dismiss([=] { Forget(visitor); });
  }

  void TurnAway(bool party, const std::string& reason) {
    ++listener_.turned_away.count;
    listener_.turned_away.last = reason;
    if (party) listener_.turned_away.last_party = reason;
  }

  void Forget(Connection* visitor) {
    visitors_.remove_if([=](const auto& other) { return other.get() == visitor; });
  }

  // Sends everybody away and returns when they are gone.
  void Disperse(const std::string& why) {
    over_ = true;
    listener_.acceptor.cancel();
    pause_.cancel();
    for (const auto& visitor : visitors_) visitor->Close(why);
    listener_.io.restart();
    listener_.io.run();
  }

  std::string Missing(std::chrono::milliseconds timeout) const {
    std::string names;
    for (size_t i = 0; i < peers_.size(); ++i) {
      if (!channels_[i]) names += (names.empty() ? "" : ", ") + peers_[i].options.peer_name;
    }
    const auto port = std::to_string(listener_.acceptor.local_endpoint().port());
    std::string text = "waiting at port " + port + " for " + names + ": no connection within " +
                       std::to_string(timeout.count()) + " ms; check that the party runs and has this address";
    const TurnedAway& away = listener_.turned_away;
    if (away.count > 0) text += "; turned away " + std::to_string(away.count) + ", the last because " + away.last;
    if (!away.last_party.empty() && away.last_party != away.last) text += "; a party because " + away.last_party;
    return text;
  }

  Impl& listener_;
  const Identity& self_;
  const std::vector<Peer>& peers_;
  Clock::time_point deadline_;
  std::vector<std::unique_ptr<Channel>> channels_;
  size_t missing_;
  std::list<std::shared_ptr<Connection>> visitors_;  // the oldest first
  asio::steady_timer pause_{listener_.io};
  bool over_ = false;
};

std::vector<std::unique_ptr<Channel>> TcpListener::Accept(const Identity& self, const std::vector<Peer>& peers,
                                                          std::chrono::milliseconds timeout) {
  for (const Peer& peer : peers) CheckPinned(self, peer);
  return Meeting(*impl_, self, peers).Run(timeout);
}

std::unique_ptr<Channel> ConnectTcp(const std::string& host, uint16_t port, const Identity& self, const Peer& peer,
                                    std::chrono::milliseconds timeout) {
  CheckPinned(self, peer);
  const Clock::time_point deadline = Clock::now() + timeout;
  const std::string connecting = "connecting to " + peer.options.peer_name + " at " + Address(host, port) + ": ";
  const Greeting mine{kWireVersion, static_cast<uint16_t>(self.party), static_cast<uint16_t>(peer.party), self.session};
  const std::string duration = std::to_string(timeout.count()) + " ms";
  std::string problem = "no answer for " + duration;
  for (;;) {
    asio::io_context io(1);
    tcp::socket socket(io);
    const auto endpoints = Resolve(io, host, port, {});
    asio::error_code error;
    asio::async_connect(socket, endpoints, [&](const asio::error_code& e, const tcp::endpoint&) { error = e; });
    io.run_until(deadline);
    const bool ended = io.stopped();
    if (!ended) {
      socket.close();
      io.run();
    }
    // The last attempt may be cut short: what the one before met says more.
    if (ended) {
      problem = (error ? error.message() : "no answer") + " for " + duration +
                "; check that the party runs and has this address";
    }
    auto pause = kRetryPause;
    if (ended && !error && !MetItself(socket)) {
      const auto connection =
          std::make_shared<Connection>(std::move(socket), MakeTls(self, Tls::Side::kConnects, peer.party));
      Connection::Failure failure;
      connection->Begin(deadline, [&](const Connection::Failure& f) {
        failure = f;
        connection->Close(f.reason);
      });
      std::unique_ptr<Channel> channel;
      connection->Handshake([&] {
        connection->Greet(mine);
        connection->AwaitGreeting([&](const Greeting& theirs) {
          failure.reason = Mismatch(mine, theirs);
          if (!failure.reason.empty()) return connection->Close(failure.reason);
          channel = connection->Open(peer.options);
        });
      });
      io.restart();
      io.run();
      if (channel) return channel;
      if (!failure.hung_up) throw ChannelError(connecting + failure.reason);
      problem = failure.reason + "; tried for " + duration;
      pause = kRefusedPause;
    }
    if (!ended || Clock::now() + pause >= deadline) throw ChannelError(connecting + problem);
    std::this_thread::sleep_for(pause);
  }
}

}  // namespace ditto
