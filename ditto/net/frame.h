// What travels on a TCP connection, or inside TLS on one: a greeting in each direction, that of the connecting side
// first, then frames. All numbers are little-endian.
//
// A listener that refuses a greeting answers one that the other side refuses too: `expected` is another party, or the
// session id is the other side's own, inverted.
//
//   greeting, 32 bytes:  magic "DITTO-3P" | u32 version | u16 own party | u16 expected party | session id (16)
//   frame, 16 + length:  u16 magic | u8 kind | u8 zero | u32 length | u64 tag | payload
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace ditto {

// Names one run among the parties, so that processes of different runs do not talk to each other. Without TLS it is
// also all that keeps strangers out, and no secret from those who see the network.
using SessionId = std::array<uint8_t, 16>;

inline constexpr uint32_t kWireVersion = 1;
inline constexpr size_t kGreetingBytes = 32;
inline constexpr size_t kHeaderBytes = 16;

struct Greeting {
  uint32_t version = kWireVersion;
  uint16_t own = 0;
  uint16_t expected = 0;
  SessionId session{};
};

std::array<uint8_t, kGreetingBytes> Encode(const Greeting& greeting);
// Nothing if these bytes are no greeting at all.
std::optional<Greeting> DecodeGreeting(const uint8_t* bytes);

// Why these two cannot work together, as `mine` tells it; empty if they can.
std::string Mismatch(const Greeting& mine, const Greeting& theirs);

enum class FrameKind : uint8_t {
  kData = 0,
  kAbort = 1,  // the payload is the reason, at most kMaxReasonBytes; nothing follows
};
inline constexpr uint32_t kMaxReasonBytes = 4096;

struct FrameHeader {
  FrameKind kind = FrameKind::kData;
  uint32_t length = 0;
  uint64_t tag = 0;
};

std::array<uint8_t, kHeaderBytes> Encode(const FrameHeader& header);
// Nothing if these bytes are no frame header.
std::optional<FrameHeader> DecodeHeader(const uint8_t* bytes);

}  // namespace ditto
