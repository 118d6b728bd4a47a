#include "ditto/net/frame.h"

#include <algorithm>

namespace ditto {
namespace {

constexpr uint8_t kGreetingMagic[8] = {'D', 'I', 'T', 'T', 'O', '-', '3', 'P'};
constexpr uint16_t kFrameMagic = 0xd170;

void Put(uint8_t* to, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) to[i] = static_cast<uint8_t>(value >> (8 * i));
}

template <class T>
T Get(const uint8_t* from) {
  uint64_t value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) value |= static_cast<uint64_t>(from[i]) << (8 * i);
  return static_cast<T>(value);
}

}  // namespace

std::array<uint8_t, kGreetingBytes> Encode(const Greeting& greeting) {
  std::array<uint8_t, kGreetingBytes> bytes;
  std::copy_n(kGreetingMagic, 8, bytes.data());
  Put(bytes.data() + 8, greeting.version, 4);
  Put(bytes.data() + 12, greeting.own, 2);
  Put(bytes.data() + 14, greeting.expected, 2);
  std::copy(greeting.session.begin(), greeting.session.end(), bytes.data() + 16);
  return bytes;
}

std::optional<Greeting> DecodeGreeting(const uint8_t* bytes) {
  if (!std::equal(kGreetingMagic, kGreetingMagic + 8, bytes)) return std::nullopt;
  Greeting greeting;
  greeting.version = Get<uint32_t>(bytes + 8);
  greeting.own = Get<uint16_t>(bytes + 12);
  greeting.expected = Get<uint16_t>(bytes + 14);
  std::copy_n(bytes + 16, greeting.session.size(), greeting.session.begin());
  return greeting;
}

std::string Mismatch(const Greeting& mine, const Greeting& theirs) {
  if (theirs.version != mine.version) {
    return "it speaks version " + std::to_string(theirs.version) + " of the wire protocol, this party version " +
           std::to_string(mine.version) + "; install the same release everywhere";
  }
  if (theirs.own != mine.expected) {
    return "it is party " + std::to_string(theirs.own) + ", expected party " + std::to_string(mine.expected) +
           "; check the parties' addresses";
  }
  if (theirs.expected != mine.own) {
    return "it does not expect party " + std::to_string(mine.own) + "; check the parties' addresses";
  }
  if (theirs.session != mine.session) {
    return "it belongs to another session, or has given this one up; start all parties with the same session id";
  }
  return "";
}

std::array<uint8_t, kHeaderBytes> Encode(const FrameHeader& header) {
  std::array<uint8_t, kHeaderBytes> bytes;
  Put(bytes.data(), kFrameMagic, 2);
  bytes[2] = static_cast<uint8_t>(header.kind);
  bytes[3] = 0;
  Put(bytes.data() + 4, header.length, 4);
  Put(bytes.data() + 8, header.tag, 8);
  return bytes;
}

std::optional<FrameHeader> DecodeHeader(const uint8_t* bytes) {
  if (Get<uint16_t>(bytes) != kFrameMagic || bytes[2] > static_cast<uint8_t>(FrameKind::kAbort) || bytes[3] != 0) {
    return std::nullopt;
  }
  return FrameHeader{static_cast<FrameKind>(bytes[2]), Get<uint32_t>(bytes + 4), Get<uint64_t>(bytes + 8)};
}

}  // namespace ditto
