#include "ditto/net/connection.h"

#include <utility>

#include "ditto/net/tcp_stream.h"

namespace ditto {

using asio::ip::tcp;

Connection::Connection(tcp::socket socket, std::unique_ptr<Tls> tls)
    : socket_(std::move(socket)), tls_(std::move(tls)), timer_(socket_.get_executor()) {
  // If the peer has left already, reading tells.
  asio::error_code ignored;
  socket_.set_option(tcp::no_delay(true), ignored);
  socket_.set_option(asio::socket_base::keep_alive(true), ignored);
}

void Connection::Begin(std::chrono::steady_clock::time_point deadline, std::function<void(const Failure&)> failed) {
  failed_ = std::move(failed);
  CloseAt(deadline);
}

void Connection::CloseAt(std::chrono::steady_clock::time_point deadline) {
  timer_.expires_at(deadline);
  timer_.async_wait([self = shared_from_this()](const asio::error_code& error) {
    if (error) return;
    self->Close("it connected but sent no " + self->Awaited() + " in time; check that it is a party of this session");
  });
}

void Connection::Park(std::chrono::steady_clock::time_point deadline, std::function<void()> late) {
  parked_ = true;
  timer_.expires_at(deadline);
  timer_.async_wait([=, self = shared_from_this()](const asio::error_code& error) {
    if (!error && self->parked_) late();
  });
  socket_.async_wait(tcp::socket::wait_read, [self = shared_from_this()](const asio::error_code& error) {
    if (error || !self->parked_) return;
    // Bytes that come early stay for later.
    char byte;
    asio::error_code lost;
    self->socket_.receive(asio::buffer(&byte, 1), tcp::socket::message_peek, lost);
    if (lost) self->Fail(Failure{"it left before its session was opened here", true});
  });
}

// What has come before may still be on its way to its handler, which finds closed_ then.
void Connection::Close(const std::string& why) {
  closed_ = why;
  Fail(Failure{why});
  parked_ = false;
  timer_.cancel();
  asio::error_code ignored;
  socket_.close(ignored);
}

// Calls `advance` until it is true, which it is once it has enough of the peer's bytes.
void Connection::Pump(std::function<bool()> advance, std::function<void()> next) {
  bool through = false;
  std::string problem;
  try {
    through = advance();
  } catch (const ChannelError& error) {
    problem = error.what();
  }
  Flush([=, self = shared_from_this()] {
    if (!problem.empty()) return self->Fail(Failure{problem});
    if (!self->closed_.empty()) return;
    if (through) return next();
    if (self->tls_->ended()) return self->Fail(asio::error::eof);
    self->socket_.async_read_some(asio::buffer(self->tls_->Space()), [=](const asio::error_code& error, size_t size) {
      if (error || !self->closed_.empty()) return self->Fail(error);
      self->tls_->Received(size);
      self->Pump(advance, next);
    });
  });
}

void Connection::Flush(std::function<void()> next) {
  const asio::const_buffer output = tls_->Output();
  if (output.size() == 0) return next();
  asio::async_write(socket_, asio::buffer(output), [=, self = shared_from_this()](const asio::error_code&, size_t) {
    // If the peer is gone, perhaps it has said why: that is still to be read.
    self->tls_->Sent(output.size());
    self->Flush(next);
  });
}

void Connection::Handshake(std::function<void()> next) {
  if (!tls_) return next();
  Pump([this] { return tls_->Handshake(); },
       [this, next] {
         secured_ = true;
         met_a_party_ = true;
         next();
       });
}

void Connection::Greet(const Greeting& greeting) {
  const auto bytes = Encode(greeting);
  asio::error_code ignored;
  if (!tls_) {
    asio::write(socket_, asio::buffer(bytes), ignored);
    return;
  }
  tls_->Write({asio::buffer(bytes)}, ignored);
  const asio::const_buffer output = tls_->Output();
  tls_->Sent(asio::write(socket_, asio::buffer(output), ignored));
}

void Connection::AwaitGreeting(std::function<void(const Greeting&)> next) {
  if (!tls_) {
    asio::async_read(socket_, asio::buffer(bytes_),
                     [=, self = shared_from_this()](const asio::error_code& error, size_t) {
                       if (error || !self->closed_.empty()) return self->Fail(error);
                       self->Greeted(next);
                     });
    return;
  }
  const auto read = [this] {
    while (filled_ < bytes_.size()) {
      const size_t size = tls_->Read(asio::buffer(bytes_) + filled_);
      if (size == 0) return false;
      filled_ += size;
    }
    return true;
  };
  Pump(read, [=] { Greeted(next); });
}

void Connection::Greeted(std::function<void(const Greeting&)> next) {
  const std::optional<Greeting> greeting = DecodeGreeting(bytes_.data());
  met_a_party_ = met_a_party_ || greeting;
  if (greeting) return next(*greeting);
  const bool tls = bytes_[0] == 0x16 && bytes_[1] == 0x03;  // a record with a handshake message
  Fail(Failure{tls ? "it speaks TLS, but this party was given no credentials"
                   : "malformed greeting: it does not speak this protocol; check the address"});
}

std::string Connection::Awaited() const { return tls_ && !secured_ ? "TLS handshake" : "greeting"; }

void Connection::Fail(const asio::error_code& error) {
  if (!closed_.empty()) {
    Fail(Failure{closed_});
  } else if (error == asio::error::eof || error == asio::error::connection_reset) {
    Fail(Failure{"it closed the connection instead of sending a " + Awaited() +
                     "; check that it is a party, still runs, and has credentials if and only if this party has",
                 true});
  } else {
    Fail(Failure{"reading its " + Awaited() + " failed: " + error.message()});
  }
}

void Connection::Fail(const Failure& failure) {
  // What is captured there may hold this connection.
  if (const auto failed = std::exchange(failed_, nullptr)) failed(failure);
}

std::optional<int> Connection::peer_party() const {
  return tls_ ? std::optional<int>(tls_->peer_party()) : std::nullopt;
}

void Connection::Dismiss(std::chrono::steady_clock::time_point deadline, std::function<void()> gone) {
  parked_ = false;
  failed_ = nullptr;
  CloseAt(deadline);
  asio::error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
  Drop(std::move(gone));
}

void Connection::Drop(std::function<void()> gone) {
  socket_.async_read_some(asio::buffer(dropped_),
                          [=, self = shared_from_this()](const asio::error_code& error, size_t) {
                            if (!error && self->closed_.empty()) return self->Drop(gone);
                            self->Close("it has left");
                            gone();
                          });
}

std::unique_ptr<Channel> Connection::Open(const ChannelOptions& options) {
  timer_.cancel();
  failed_ = nullptr;
  parked_ = false;
  // The channel has a loop of its own.
  auto io = std::make_shared<asio::io_context>(1);
  const auto protocol = socket_.local_endpoint().protocol();
  tcp::socket socket(*io, protocol, socket_.release());
  return std::make_unique<TcpStream>(std::move(io), std::move(socket), std::move(tls_), options);
}

}  // namespace ditto
