// A socket on its way to being a channel: the TLS handshake if there are credentials, then the greetings. Internal to
// the TCP implementation: users include tcp_channel.h.
//
// Nothing here waits: steps are begun, and the thread that runs the socket's loop is told how they ended. So one thread
// can meet many strangers at once.
#pragma once

#include <array>
#include <asio.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "ditto/net/channel.h"
#include "ditto/net/frame.h"
#include "ditto/net/tls.h"

namespace ditto {

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  struct Failure {
    std::string reason;
    bool hung_up = false;  // the other end closed the connection, and did not say why
  };

  // `tls`: null without credentials.
  Connection(asio::ip::tcp::socket socket, std::unique_ptr<Tls> tls);

  // Whoever is met gets so long for everything. `failed` is called if a step fails, once.
  void Begin(std::chrono::steady_clock::time_point deadline, std::function<void(const Failure&)> failed);
  // One at a time; each leads to `next` or to `failed`.
  void Handshake(std::function<void()> next);
  void AwaitGreeting(std::function<void(const Greeting&)> next);
  // At once: it fits the socket's empty buffer. If the peer is gone already, what follows tells.
  void Greet(const Greeting& greeting);

  // Whose certificate the peer has shown; nothing without TLS.
  std::optional<int> peer_party() const;
  // Whether the peer is known to be a party: by its certificate or, without TLS, because it speaks this protocol.
  bool met_a_party() const { return met_a_party_; }
  // Leaves a peer that has greeted without an answer for now; `late` is called if it is still so at the deadline, and
  // `failed` if the peer leaves.
  void Park(std::chrono::steady_clock::time_point deadline, std::function<void()> late);
  // Ends it now; `failed` is told why, before the peer can know.
  void Close(const std::string& why);
  // Lets the peer read why it is refused: closing on bytes that were not read could destroy what is on its way to it.
  // `gone` is called when the peer has left, at the deadline at the latest, and `failed` not any more.
  void Dismiss(std::chrono::steady_clock::time_point deadline, std::function<void()> gone);
  // The channel, in which this connection ends.
  std::unique_ptr<Channel> Open(const ChannelOptions& options);

 private:
  void Pump(std::function<bool()> advance, std::function<void()> next);
  void Flush(std::function<void()> next);
  void Greeted(std::function<void(const Greeting&)> next);
  void CloseAt(std::chrono::steady_clock::time_point deadline);
  void Drop(std::function<void()> gone);
  std::string Awaited() const;
  void Fail(const asio::error_code& error);
  void Fail(const Failure& failure);

  asio::ip::tcp::socket socket_;
  std::unique_ptr<Tls> tls_;
  asio::steady_timer timer_;
  std::function<void(const Failure&)> failed_;
  std::string closed_;    // why this side has closed it
  bool secured_ = false;  // the handshake is done
  bool met_a_party_ = false;
  bool parked_ = false;
  std::array<uint8_t, kGreetingBytes> bytes_;
  size_t filled_ = 0;
  std::array<uint8_t, 4096> dropped_;
};

}  // namespace ditto
