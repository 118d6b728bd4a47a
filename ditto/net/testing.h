// Helpers of the channel tests.
#pragma once

#include <chrono>
#include <string>
#include <utility>

#include "ditto/net/channel.h"
#include "ditto/net/memory_channel.h"
#include "gtest/gtest.h"

namespace ditto {

inline ChannelOptions TestOptions(std::string peer_name, int timeout_ms, uint64_t limit = 0) {
  ChannelOptions options;
  options.peer_name = std::move(peer_name);
  options.timeout = std::chrono::milliseconds(timeout_ms);
  options.buffer_limit_bytes = limit;
  return options;
}

// What the ChannelError thrown by `call` says.
template <class F>
std::string ErrorOf(F&& call) {
  try {
    call();
  } catch (const ChannelError& e) {
    return e.what();
  }
  return "no error";
}

inline void ExpectContains(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << text << "\nshould contain\n" << part;
}

enum class Wire { kPlain, kTls };

// Two parties, 1 and 2, of one machine. The first end listened.
ChannelPair TcpPair(const ChannelOptions& first, const ChannelOptions& second, Wire wire = Wire::kPlain);

}  // namespace ditto
