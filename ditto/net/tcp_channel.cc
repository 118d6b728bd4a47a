#include "ditto/net/tcp_channel.h"

#include <algorithm>
#include <asio.hpp>
#include <deque>
#include <exception>
#include <future>
#include <list>
#include <map>
#include <mutex>
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

constexpr size_t kRememberedSessions = 1000;

std::unique_ptr<Tls> MakeTls(const std::shared_ptr<const Credentials>& credentials, Tls::Side side,
                             std::optional<int> expected) {
  return credentials ? std::make_unique<Tls>(credentials, side, expected) : nullptr;
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

// One call of Accept.
struct TcpListener::Meeting {
  Meeting(asio::io_context& io, const Identity& self, const std::vector<Peer>& peers, std::chrono::milliseconds timeout)
      : self(self), peers(peers), timeout(timeout), timer(io), channels(peers.size()) {}

  // The place of a party that is still missing.
  std::optional<size_t> PlaceOf(int party) const {
    for (size_t i = 0; i < peers.size(); ++i) {
      if (peers[i].party == party && !channels[i]) return i;
    }
    return std::nullopt;
  }

  const Identity self;
  const std::vector<Peer> peers;
  const std::chrono::milliseconds timeout;
  asio::steady_timer timer;
  TurnedAway turned_away;  // meanwhile
  bool over = false;
  // The outcome, for the thread that waits once `ended` is set.
  std::vector<std::unique_ptr<Channel>> channels;
  std::string problem;
  std::promise<void> ended;
};

// Everything happens on the listener's thread, except where it says otherwise.
class TcpListener::Impl {
 public:
  Impl(const std::string& host, uint16_t port, std::shared_ptr<const Credentials> credentials, Reception reception)
      : credentials_(std::move(credentials)), reception_(reception) {
    const auto endpoint = Resolve(io_, host, port, tcp::resolver::passive).begin()->endpoint();
    try {
      acceptor_.open(endpoint.protocol());
      acceptor_.set_option(tcp::acceptor::reuse_address(true));
      acceptor_.bind(endpoint);
      acceptor_.listen();
      port_ = acceptor_.local_endpoint().port();
    } catch (const asio::system_error& error) {
      throw ChannelError("cannot listen at " + Address(host, port) + ": " + error.code().message() +
                         "; choose a free port of this machine");
    }
    thread_ = std::thread([this] { Run(); });
  }

  ~Impl() {
    asio::post(io_, [this] { Stop(); });
    thread_.join();
  }

  // From any thread.
  uint16_t port() const { return port_; }

  // From any thread.
  TurnedAway turned_away() const {
    std::lock_guard<std::mutex> lock(mutex_);
    return turned_away_;
  }

  // From any thread.
  std::shared_ptr<Cancellation> CancellationOf(const SessionId& session) {
    std::lock_guard<std::mutex> lock(mutex_);
    return CancellationLocked(session);
  }

  // From any thread.
  void Cancel(const SessionId& session, const std::string& reason) {
    std::shared_ptr<Cancellation> cancellation;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      cancellation = CancellationLocked(session);
      cancelled_.push_back(cancellation);
      if (cancelled_.size() > kRememberedSessions) cancelled_.pop_front();
    }
    cancellation->Cancel(reason);
    asio::post(io_, [=] { JudgeParked(session); });
  }

  // On the thread of the caller, who waits.
  std::vector<std::unique_ptr<Channel>> Accept(const Identity& self, const std::vector<Peer>& peers,
                                               std::chrono::milliseconds timeout) {
    if (self.credentials != credentials_) {
      throw ChannelError("party " + std::to_string(self.party) +
                         " has other credentials than its listener; give both the same");
    }
    for (const Peer& peer : peers) CheckPinned(self, peer);
    const auto cancellation = CancellationOf(self.session);
    cancellation->Check();
    if (peers.empty()) return {};
    const auto meeting = std::make_shared<Meeting>(io_, self, peers, timeout);
    asio::post(io_, [=] { Begin(meeting); });
    {
      const Cancellation::Waker waker(
          cancellation.get(), [&](const std::string& reason) { asio::post(io_, [=] { End(meeting, reason); }); });
      meeting->ended.get_future().get();
    }
    // Ending a channel can take a while: here that holds nobody else up.
    auto channels = std::move(meeting->channels);
    if (meeting->problem.empty()) return channels;
    for (const auto& channel : channels) {
      if (channel) channel->Abort(meeting->problem);
    }
    throw ChannelError(meeting->problem);
  }

 private:
  struct Visitor {
    std::shared_ptr<Connection> connection;
    std::optional<Greeting> greeting;  // of one that is parked
  };

  // Whatever goes wrong ends at most the connection that it went wrong for.
  void Run() {
    for (;;) {
      try {
        if (!accepting_ && !stopping_) AwaitNext();
        io_.run();
        if (stopping_) return;
        io_.restart();
      } catch (const std::exception& error) {
        Survive(error);
      }
    }
  }

  void Survive(const std::exception& error) noexcept {
    try {
      TurnAway(false, std::string("this party failed: ") + error.what());
    } catch (const std::exception&) {
      // No memory even for that.
    }
    std::this_thread::sleep_for(kRetryPause);
  }

  void Stop() {
    stopping_ = true;
    acceptor_.close();
    pause_.cancel();
    // Closing takes them from the list.
    for (const Visitor& visitor : std::list<Visitor>(visitors_)) visitor.connection->Close("the listener was closed");
    for (const auto& [session, meeting] : decltype(meetings_)(meetings_)) End(meeting, "the listener was closed");
  }

  void AwaitNext() {
    acceptor_.async_accept([this](const asio::error_code& error, tcp::socket socket) {
      accepting_ = false;
      if (stopping_) return;
      if (!error) {
        AwaitNext();
        return Receive(std::move(socket));
      }
      // Somebody has left already, or too many files are open: that may pass.
      TurnAway(false, "accepting it failed: " + error.message());
      pause_.expires_after(kRetryPause);
      pause_.async_wait([this](const asio::error_code&) {
        accepting_ = false;
        if (!stopping_) AwaitNext();
      });
      accepting_ = true;
    });
    accepting_ = true;
  }

  void Receive(tcp::socket socket) {
    MakeRoom(false);
    const auto connection =
        std::make_shared<Connection>(std::move(socket), MakeTls(credentials_, Tls::Side::kListens, {}));
    // What is called here is called by the connection.
    Connection* visitor = connection.get();
    visitor->Begin(Clock::now() + reception_.patience,
                   [=](const Connection::Failure& failure) { Refuse(visitor, failure.reason); });
    visitors_.push_back({connection, {}});
    visitor->Handshake([=] { visitor->AwaitGreeting([=](const Greeting& theirs) { Judge(visitor, theirs); }); });
  }

  // For one more of those that are parked, or are not.
  void MakeRoom(bool parked) {
    const auto alike = [=](const Visitor& visitor) { return visitor.greeting.has_value() == parked; };
    if (static_cast<size_t>(std::count_if(visitors_.begin(), visitors_.end(), alike)) < reception_.places) return;
    const auto oldest = std::find_if(visitors_.begin(), visitors_.end(), alike);
    if (oldest == visitors_.end()) return;
    const auto connection = oldest->connection;
    visitors_.erase(oldest);
    connection->Close("too many connections waited, it for the longest time");
  }

  void Judge(Connection* visitor, const Greeting& theirs) {
    const auto found = meetings_.find(theirs.session);
    const auto meeting = found == meetings_.end() ? nullptr : found->second;
    std::optional<size_t> place;
    std::string problem;
    if (theirs.version != kWireVersion) {
      problem = Mismatch({}, theirs);
    } else if (!meeting) {
      const auto given_up = CancellationOf(theirs.session)->reason();
      if (!given_up) return Park(visitor, theirs);
      problem = "this party has given its session up: " + *given_up;
    } else if (visitor->peer_party().value_or(theirs.own) != theirs.own) {
      problem = "it says that it is party " + std::to_string(theirs.own) + ", but its certificate is that of party " +
                std::to_string(*visitor->peer_party()) + "; check both parties' configuration";
    } else {
      place = meeting->PlaceOf(theirs.own);
      if (!place) {
        problem = "it is party " + std::to_string(theirs.own) +
                  ", which is not expected or has connected already; check the parties' addresses";
      }
    }
    Greeting mine = AnswerTo(theirs, meeting.get());
    if (meeting && !place) mine.expected = static_cast<uint16_t>(~theirs.own);
    if (problem.empty()) problem = Mismatch(mine, theirs);
    if (!problem.empty()) return Refuse(visitor, problem, mine);
    visitor->Greet(mine);
    try {
      meeting->channels[*place] = visitor->Open(meeting->peers[*place].options);
    } catch (const std::exception& error) {
      visitor->Close(error.what());
      Forget(visitor);
      return End(meeting, "no channel to " + meeting->peers[*place].options.peer_name + ": " + error.what());
    }
    Forget(visitor);
    if (std::count(meeting->channels.begin(), meeting->channels.end(), nullptr) == 0) End(meeting, "");
  }

  // Where there is no meeting the number of this party is not known, and the session id is shown to nobody: what is
  // answered belongs to another session.
  static Greeting AnswerTo(const Greeting& theirs, const Meeting* meeting) {
    Greeting mine{kWireVersion, theirs.expected, theirs.own, theirs.session};
    if (meeting) {
      mine.own = static_cast<uint16_t>(meeting->self.party);
    } else {
      for (uint8_t& byte : mine.session) byte = static_cast<uint8_t>(~byte);
    }
    return mine;
  }

  void Park(Connection* visitor, const Greeting& theirs) {
    const auto place = Find(visitor);
    if (place == visitors_.end()) return;
    MakeRoom(true);
    place->greeting = theirs;
    // The oldest are the first, among the parked ones too.
    visitors_.splice(visitors_.end(), visitors_, place);
    visitor->Park(Clock::now() + reception_.parking, [=] {
      Refuse(visitor, "it belongs to another session than any that this party has opened; check the session ids",
             AnswerTo(theirs, nullptr));
    });
  }

  // Again, as there is a meeting for them now, or a cancellation.
  void JudgeParked(const SessionId& session) {
    std::vector<std::pair<std::shared_ptr<Connection>, Greeting>> parked;
    for (Visitor& visitor : visitors_) {
      if (!visitor.greeting || visitor.greeting->session != session) continue;
      parked.emplace_back(visitor.connection, *visitor.greeting);
      visitor.greeting.reset();
    }
    for (const auto& [connection, greeting] : parked) Judge(connection.get(), greeting);
  }

  void Refuse(Connection* visitor, const std::string& reason, const std::optional<Greeting>& answer = {}) {
    TurnAway(visitor->met_a_party(), reason);
    if (answer) visitor->Greet(*answer);
    if (const auto place = Find(visitor); place != visitors_.end()) place->greeting.reset();
    visitor->Dismiss(Clock::now() + reception_.patience, [=] { Forget(visitor); });
  }

  void TurnAway(bool party, const std::string& reason) {
    const auto note = [&](TurnedAway& away) {
      ++away.count;
      away.last = reason;
      if (party) away.last_party = reason;
    };
    {
      std::lock_guard<std::mutex> lock(mutex_);
      note(turned_away_);
    }
    for (const auto& [session, meeting] : meetings_) note(meeting->turned_away);
  }

  std::list<Visitor>::iterator Find(const Connection* visitor) {
    return std::find_if(visitors_.begin(), visitors_.end(),
                        [=](const Visitor& other) { return other.connection.get() == visitor; });
  }

  void Forget(Connection* visitor) {
    if (const auto place = Find(visitor); place != visitors_.end()) visitors_.erase(place);
  }

  void Begin(const std::shared_ptr<Meeting>& meeting) {
    if (meeting->over) return;
    try {
      if (!meetings_.emplace(meeting->self.session, meeting).second) {
        return End(meeting, "this session is being opened here already; give each a session id of its own");
      }
      meeting->timer.expires_after(meeting->timeout);
      meeting->timer.async_wait([=](const asio::error_code& error) {
        if (!error && !meeting->over) End(meeting, Missing(*meeting));
      });
      JudgeParked(meeting->self.session);
    } catch (const std::exception& error) {
      End(meeting, error.what());
    }
  }

  void End(const std::shared_ptr<Meeting>& meeting, const std::string& problem) {
    if (std::exchange(meeting->over, true)) return;
    const auto found = meetings_.find(meeting->self.session);
    if (found != meetings_.end() && found->second == meeting) meetings_.erase(found);
    meeting->timer.cancel();
    meeting->problem = problem;
    meeting->ended.set_value();
  }

  std::string Missing(const Meeting& meeting) const {
    std::string names;
    for (size_t i = 0; i < meeting.peers.size(); ++i) {
      if (!meeting.channels[i]) names += (names.empty() ? "" : ", ") + meeting.peers[i].options.peer_name;
    }
    std::string text = "waiting at port " + std::to_string(port_) + " for " + names + ": no connection within " +
                       std::to_string(meeting.timeout.count()) + " ms; check that the party runs and has this address";
    const TurnedAway& away = meeting.turned_away;
    if (away.count > 0) text += "; turned away " + std::to_string(away.count) + ", the last because " + away.last;
    if (!away.last_party.empty() && away.last_party != away.last) text += "; a party because " + away.last_party;
    const auto parked = std::count_if(visitors_.begin(), visitors_.end(),
                                      [](const auto& visitor) { return visitor.greeting.has_value(); });
    if (parked > 0) text += "; there are " + std::to_string(parked) + " of other sessions";
    return text;
  }

  std::shared_ptr<Cancellation> CancellationLocked(const SessionId& session) {
    if (const auto known = cancellations_.find(session); known != cancellations_.end()) {
      if (auto cancellation = known->second.lock()) return cancellation;
    }
    for (auto at = cancellations_.begin(); at != cancellations_.end();) {
      at = at->second.expired() ? cancellations_.erase(at) : std::next(at);
    }
    auto cancellation = std::make_shared<Cancellation>();
    cancellations_[session] = cancellation;
    return cancellation;
  }

  const std::shared_ptr<const Credentials> credentials_;
  const Reception reception_;
  asio::io_context io_;
  tcp::acceptor acceptor_{io_};
  uint16_t port_ = 0;
  asio::steady_timer pause_{io_};
  bool accepting_ = false;
  bool stopping_ = false;
  std::list<Visitor> visitors_;  // the oldest first
  std::map<SessionId, std::shared_ptr<Meeting>> meetings_;

  mutable std::mutex mutex_;  // of what other threads use too
  TurnedAway turned_away_;
  std::map<SessionId, std::weak_ptr<Cancellation>> cancellations_;
  std::deque<std::shared_ptr<Cancellation>> cancelled_;

  std::thread thread_;
};

TcpListener::TcpListener(const std::string& host, uint16_t port, std::shared_ptr<const Credentials> credentials,
                         Reception reception)
    : impl_(std::make_unique<Impl>(host, port, std::move(credentials), reception)) {}

TcpListener::~TcpListener() = default;

uint16_t TcpListener::port() const { return impl_->port(); }

TurnedAway TcpListener::turned_away() const { return impl_->turned_away(); }

std::vector<std::unique_ptr<Channel>> TcpListener::Accept(const Identity& self, const std::vector<Peer>& peers,
                                                          std::chrono::milliseconds timeout) {
  return impl_->Accept(self, peers, timeout);
}

void TcpListener::Cancel(const SessionId& session, const std::string& reason) { impl_->Cancel(session, reason); }

std::shared_ptr<Cancellation> TcpListener::CancellationOf(const SessionId& session) {
  return impl_->CancellationOf(session);
}

std::unique_ptr<Channel> ConnectTcp(const std::string& host, uint16_t port, const Identity& self, const Peer& peer,
                                    std::chrono::milliseconds timeout, Cancellation* cancellation) {
  CheckPinned(self, peer);
  const Clock::time_point deadline = Clock::now() + timeout;
  const std::string connecting = "connecting to " + peer.options.peer_name + " at " + Address(host, port) + ": ";
  const Greeting mine{kWireVersion, static_cast<uint16_t>(self.party), static_cast<uint16_t>(peer.party), self.session};
  const std::string duration = std::to_string(timeout.count()) + " ms";
  std::string problem = "no answer for " + duration;
  asio::io_context io(1);
  const auto check = [&] {
    if (cancellation) cancellation->Check();
  };
  // Until everything begun there has ended, or `until`, or the cancellation.
  const auto run = [&](Clock::time_point until) {
    io.restart();
    check();
    io.run_until(until);
    return io.stopped();
  };
  const Cancellation::Waker waker(cancellation, [&](const std::string&) { io.stop(); });
  for (;;) {
    tcp::socket socket(io);
    const auto endpoints = Resolve(io, host, port, {});
    asio::error_code error;
    asio::async_connect(socket, endpoints, [&](const asio::error_code& e, const tcp::endpoint&) { error = e; });
    const bool ended = run(deadline);
    check();
    if (!ended) {
      socket.close();
      run(Clock::time_point::max());
    }
    // The last attempt may be cut short: what the one before met says more.
    if (ended) {
      problem = (error ? error.message() : "no answer") + " for " + duration +
                "; check that the party runs and has this address";
    }
    auto pause = kRetryPause;
    if (ended && !error && !MetItself(socket)) {
      const auto connection =
          std::make_shared<Connection>(std::move(socket), MakeTls(self.credentials, Tls::Side::kConnects, peer.party));
      Connection::Failure failure;
      connection->Begin(deadline, [&](const Connection::Failure& f) {
        failure = f;
        connection->Close(f.reason);
      });
      std::unique_ptr<Channel> channel;
      connection->Handshake([&] {
        connection->Greet(mine);
        connection->AwaitGreeting([&](const Greeting& theirs) {
          const std::string mismatch = Mismatch(mine, theirs);
          if (!mismatch.empty()) return connection->Close(mismatch);
          channel = connection->Open(peer.options);
        });
      });
      run(Clock::time_point::max());
      if (channel) return channel;
      check();
      if (!failure.hung_up) throw ChannelError(connecting + failure.reason);
      problem = failure.reason + "; tried for " + duration;
      pause = kRefusedPause;
    }
    if (!ended || Clock::now() + pause >= deadline) throw ChannelError(connecting + problem);
    asio::steady_timer timer(io, pause);
    timer.async_wait([](const asio::error_code&) {});
    run(deadline);
  }
}

}  // namespace ditto
