#include "ditto/net/test_sockets.h"

namespace ditto {

using asio::ip::tcp;

RecordingProxy::RecordingProxy(uint16_t target) {
  forth_ = std::thread([this, target] {
    asio::error_code error;
    acceptor_.accept(client_, error);
    if (!error) server_.connect(tcp::endpoint(asio::ip::address_v4::loopback(), target), error);
    if (error) return;
    back_ = std::thread([this] { Pass(server_, client_); });
    Pass(client_, server_);
  });
}

RecordingProxy::~RecordingProxy() {
  asio::error_code ignored;
  // Wakes who waits; closing would not.
  ::shutdown(acceptor_.native_handle(), SHUT_RDWR);
  Cut();
  forth_.join();
  if (back_.joinable()) back_.join();
}

std::string RecordingProxy::recorded() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return recorded_;
}

void RecordingProxy::Cut() {
  asio::error_code ignored;
  client_.shutdown(tcp::socket::shutdown_both, ignored);
  server_.shutdown(tcp::socket::shutdown_both, ignored);
}

void RecordingProxy::Pass(tcp::socket& from, tcp::socket& to) {
  std::vector<char> buffer(1 << 16);
  asio::error_code error;
  for (;;) {
    const size_t size = from.read_some(asio::buffer(buffer), error);
    if (error) break;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      recorded_.append(buffer.data(), size);
    }
    if (tampers_) buffer[size - 1] ^= 1;
    asio::write(to, asio::buffer(buffer.data(), size), error);
    if (error) break;
  }
  to.shutdown(tcp::socket::shutdown_send, error);
}

}  // namespace ditto
