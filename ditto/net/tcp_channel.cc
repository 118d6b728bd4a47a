#include "ditto/net/tcp_channel.h"

#include <algorithm>
#include <asio.hpp>
#include <optional>
#include <thread>
#include <utility>

#include "ditto/net/tcp_stream.h"

namespace ditto {
namespace {

using asio::ip::tcp;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kRetryPause(20);

// Runs what was started on `io` until it ends. False if the deadline comes first: `stop` must make it end then.
template <class Stop>
bool RunUntil(asio::io_context& io, Clock::time_point deadline, Stop&& stop) {
  io.restart();
  io.run_until(deadline);
  if (io.stopped()) return true;
  stop();
  io.run();
  return false;
}

// A socket on its way to being a channel. The loop is its own, so that the channel can take it over.
struct Connection {
  std::shared_ptr<asio::io_context> io = std::make_shared<asio::io_context>(1);
  tcp::socket socket{*io};

  bool Run(Clock::time_point deadline) {
    return RunUntil(*io, deadline, [this] { socket.close(); });
  }

  // An attempt to connect within one machine to a port that nobody listens at can reach its own socket.
  bool MetItself() const {
    asio::error_code local, remote;
    return socket.local_endpoint(local) == socket.remote_endpoint(remote) && !local && !remote;
  }

  void Greet(const Greeting& greeting) {
    // Fits the socket's empty buffer. If the peer is gone already, the read that follows tells.
    asio::error_code ignored;
    asio::write(socket, asio::buffer(Encode(greeting)), ignored);
  }

  Greeting AwaitGreeting(Clock::time_point deadline) {
    std::array<uint8_t, kGreetingBytes> bytes;
    asio::error_code error;
    asio::async_read(socket, asio::buffer(bytes), [&](const asio::error_code& e, size_t) { error = e; });
    if (!Run(deadline)) {
      throw ChannelError("it connected but sent no greeting in time; check that it is a party of this session");
    }
    if (error == asio::error::eof || error == asio::error::connection_reset) {
      throw ChannelError("it closed the connection instead of greeting; check that it is a party and still runs");
    }
    if (error) throw ChannelError("reading its greeting failed: " + error.message());
    const std::optional<Greeting> greeting = DecodeGreeting(bytes.data());
    if (!greeting) throw ChannelError("malformed greeting: it does not speak this protocol; check the address");
    return *greeting;
  }

  std::unique_ptr<Channel> Open(const ChannelOptions& options) {
    return std::make_unique<TcpStream>(io, std::move(socket), options);
  }
};

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
  asio::io_context io{1};
  tcp::acceptor acceptor{io};
};

TcpListener::TcpListener(const std::string& host, uint16_t port) : impl_(std::make_unique<Impl>()) {
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

std::vector<std::unique_ptr<Channel>> TcpListener::Accept(const Identity& self, const std::vector<Peer>& peers,
                                                          std::chrono::milliseconds timeout) {
  const Clock::time_point deadline = Clock::now() + timeout;
  std::vector<std::unique_ptr<Channel>> channels(peers.size());
  for (size_t accepted = 0; accepted < peers.size(); ++accepted) {
    Connection connection;
    asio::error_code error;
    impl_->acceptor.async_accept(connection.socket, [&](const asio::error_code& e) { error = e; });
    if (!RunUntil(impl_->io, deadline, [this] { impl_->acceptor.cancel(); })) {
      std::string missing;
      for (size_t i = 0; i < peers.size(); ++i) {
        if (!channels[i]) missing += (missing.empty() ? "" : ", ") + peers[i].options.peer_name;
      }
      throw ChannelError("waiting at port " + std::to_string(port()) + " for " + missing + ": no connection within " +
                         std::to_string(timeout.count()) + " ms; check that the party runs and has this address");
    }
    if (error) throw ChannelError("accepting at port " + std::to_string(port()) + " failed: " + error.message());
    try {
      const Greeting theirs = connection.AwaitGreeting(deadline);
      Greeting mine{kWireVersion, static_cast<uint16_t>(self.party), theirs.own, self.session};
      size_t i = 0;
      while (i < peers.size() && (peers[i].party != theirs.own || channels[i])) ++i;
      // To whom is not expected, or has connected before, the greeting names another party: its check fails too.
      if (i == peers.size()) mine.expected = static_cast<uint16_t>(~theirs.own);
      connection.Greet(mine);
      if (i == peers.size() && theirs.version == kWireVersion) {
        throw ChannelError("it is party " + std::to_string(theirs.own) +
                           ", which is not expected or has connected already; check the parties' addresses");
      }
      const std::string mismatch = Mismatch(mine, theirs);
      if (!mismatch.empty()) throw ChannelError(mismatch);
      channels[i] = connection.Open(peers[i].options);
    } catch (const ChannelError& e) {
      throw ChannelError("a connection to port " + std::to_string(port()) + " was refused: " + e.what());
    }
  }
  return channels;
}

std::unique_ptr<Channel> ConnectTcp(const std::string& host, uint16_t port, const Identity& self, const Peer& peer,
                                    std::chrono::milliseconds timeout) {
  const Clock::time_point deadline = Clock::now() + timeout;
  const std::string connecting = "connecting to " + peer.options.peer_name + " at " + Address(host, port) + ": ";
  std::string problem = "no answer";
  for (;;) {
    Connection connection;
    const auto endpoints = Resolve(*connection.io, host, port, {});
    asio::error_code error;
    asio::async_connect(connection.socket, endpoints,
                        [&](const asio::error_code& e, const tcp::endpoint&) { error = e; });
    const bool ended = connection.Run(deadline);
    if (ended && !error && !connection.MetItself()) {
      try {
        const Greeting mine{kWireVersion, static_cast<uint16_t>(self.party), static_cast<uint16_t>(peer.party),
                            self.session};
        connection.Greet(mine);
        const std::string mismatch = Mismatch(mine, connection.AwaitGreeting(deadline));
        if (!mismatch.empty()) throw ChannelError(mismatch);
      } catch (const ChannelError& e) {
        throw ChannelError(connecting + e.what());
      }
      return connection.Open(peer.options);
    }
    // The last attempt may be cut short: what the one before met says more.
    if (ended) problem = error ? error.message() : "no answer";
    if (!ended || Clock::now() + kRetryPause >= deadline) {
      throw ChannelError(connecting + problem + " for " + std::to_string(timeout.count()) +
                         " ms; check that the party runs and has this address");
    }
    std::this_thread::sleep_for(kRetryPause);
  }
}

}  // namespace ditto
