#include "ditto/net/testing.h"

#include <future>
#include <vector>

#include "ditto/net/tcp_channel.h"

namespace ditto {

ChannelPair TcpPair(const ChannelOptions& first, const ChannelOptions& second) {
  constexpr std::chrono::seconds kTimeout(60);
  TcpListener listener("127.0.0.1", 0);
  auto accepted = std::async(std::launch::async, [&] {
    return std::move(listener.Accept({SessionId{}, 1}, {{2, first}}, kTimeout)[0]);
  });
  auto connected = ConnectTcp("127.0.0.1", listener.port(), {SessionId{}, 2}, {1, second}, kTimeout);
  return {accepted.get(), std::move(connected)};
}

}  // namespace ditto
