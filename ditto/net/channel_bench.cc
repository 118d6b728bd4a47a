// Latency and throughput of the channels, both ends in one process.
//
//   bazel run //ditto/net:channel_bench
#include <chrono>
#include <cstdio>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "ditto/net/memory_channel.h"
#include "ditto/net/tcp_channel.h"
#include "ditto/net/test_certificates.h"

namespace ditto {
namespace {

template <class F>
double Seconds(F&& f) {
  const auto start = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

ChannelPair TcpLoopback(const ChannelOptions& options, bool tls) {
  constexpr std::chrono::seconds kTimeout(10);
  const auto identity = [&](int party) {
    return Identity{SessionId{}, party, tls ? PartyCredentials(party) : nullptr};
  };
  TcpListener listener("127.0.0.1", 0, identity(1).credentials);
  auto accepted = std::async(std::launch::async, [&] {
    return std::move(listener.Accept(identity(1), {{2, options}}, kTimeout)[0]);
  });
  auto connected = ConnectTcp("127.0.0.1", listener.port(), identity(2), {1, options}, kTimeout);
  return {accepted.get(), std::move(connected)};
}

// Seconds of `count` turns in which both ends run `turn` at once.
template <class F>
double BothEnds(ChannelPair& pair, int count, F&& turn) {
  return Seconds([&] {
    std::thread other([&] {
      for (int i = 0; i < count; ++i) turn(*pair.second, false);
    });
    for (int i = 0; i < count; ++i) turn(*pair.first, true);
    other.join();
  });
}

void Measure(const char* name, ChannelPair pair) {
  for (size_t bytes : {16, 16 << 10, 256 << 10}) {
    const int turns = bytes > 100000 ? 500 : 5000;
    const Bytes message(bytes, 1);
    const double ping_pong = BothEnds(pair, turns, [&](Channel& channel, bool starts) {
      if (starts) channel.Send(1, message);
      channel.Receive(1);
      if (!starts) channel.Send(1, message);
    });
    const double exchange = BothEnds(pair, turns, [&](Channel& channel, bool) {
      channel.Send(1, message);
      channel.Receive(1);
    });
    std::printf("%-7s %7zu bytes: ping-pong %7.1f us there and back, exchange %7.1f us a round\n", name, bytes,
                ping_pong / turns * 1e6, exchange / turns * 1e6);
  }
  for (size_t bytes : {16, 1 << 20}) {
    const int frames = bytes > 1000 ? 1000 : 300000;
    const Bytes message(bytes, 1);
    const double seconds = BothEnds(pair, frames, [&](Channel& channel, bool sends) {
      if (sends) {
        channel.Send(1, message);
      } else {
        channel.Receive(1);
      }
    });
    std::printf("%-7s %7zu bytes: one way %9.0f frames a second, %6.2f GB a second\n", name, bytes, frames / seconds,
                frames * static_cast<double>(bytes) / seconds * 1e-9);
  }
}

}  // namespace
}  // namespace ditto

int main() {
  ditto::ChannelOptions options;
  options.buffer_limit_bytes = 16 << 20;
  ditto::Measure("memory", ditto::MemoryChannelPair(options));
  ditto::Measure("tcp", ditto::TcpLoopback(options, false));
  ditto::Measure("tls", ditto::TcpLoopback(options, true));
  return 0;
}
