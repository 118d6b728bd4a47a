// What is at the other end of a socket, or between two, in tests.
#pragma once

#include <array>
#include <asio.hpp>
#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "ditto/net/frame.h"

namespace ditto {

// A client that sends whatever it is told to.
struct RawClient {
  explicit RawClient(uint16_t port) { socket.connect(asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), port)); }

  // That the other end has left does not matter.
  template <class T>
  void Write(const T& bytes) {
    asio::error_code ignored;
    asio::write(socket, asio::buffer(bytes), ignored);
  }
  Greeting ReadGreeting() {
    std::array<uint8_t, kGreetingBytes> bytes;
    asio::read(socket, asio::buffer(bytes));
    return DecodeGreeting(bytes.data()).value();
  }
  // What is sent until the other end closes or resets the connection.
  std::string ReadToTheEnd() {
    std::string text;
    asio::error_code ended;
    asio::read(socket, asio::dynamic_buffer(text), ended);
    return text;
  }

  asio::io_context io;
  asio::ip::tcp::socket socket{io};
};

// Passes one connection on to a port of this machine, and keeps what it sees.
class RecordingProxy {
 public:
  explicit RecordingProxy(uint16_t target);
  ~RecordingProxy();

  uint16_t port() const { return acceptor_.local_endpoint().port(); }
  // All bytes of both directions so far.
  std::string recorded() const;
  // From now on what passes is changed, in its last byte.
  void Tamper() { tampers_ = true; }
  // Ends both connections, as a network may: properly, as far as TCP goes.
  void Cut();

 private:
  void Pass(asio::ip::tcp::socket& from, asio::ip::tcp::socket& to);

  asio::io_context io_;
  asio::ip::tcp::acceptor acceptor_{io_, {asio::ip::address_v4::loopback(), 0}};
  asio::ip::tcp::socket client_{io_};
  asio::ip::tcp::socket server_{io_};
  std::atomic<bool> tampers_ = false;
  mutable std::mutex mutex_;
  std::string recorded_;
  std::thread forth_;
  std::thread back_;
};

}  // namespace ditto
