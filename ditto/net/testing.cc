#include "ditto/net/testing.h"

#include <future>
#include <vector>

#include "ditto/net/tcp_channel.h"
#include "ditto/net/test_certificates.h"

namespace ditto {

ChannelPair TcpPair(const ChannelOptions& first, const ChannelOptions& second, Wire wire) {
  constexpr std::chrono::seconds kTimeout(60);
  const auto self = [&](int party) {
    return Identity{SessionId{}, party, wire == Wire::kTls ? PartyCredentials(party) : nullptr};
  };
  TcpListener listener("127.0.0.1", 0, self(1).credentials);
  auto accepted = std::async(std::launch::async, [&] {
    return std::move(listener.Accept(self(1), {{2, first}}, kTimeout)[0]);
  });
  auto connected = ConnectTcp("127.0.0.1", listener.port(), self(2), {1, second}, kTimeout);
  return {accepted.get(), std::move(connected)};
}

}  // namespace ditto
