// What a protocol call sends: payload bytes per direction, and online rounds.
#pragma once

#include <cstdint>

namespace ditto {

// Bytes of `elements` values packed to `width` bits each, as one message carries them.
constexpr int64_t PackedBytes(int64_t elements, int width) { return (elements * width + 7) / 8; }

struct Cost {
  int64_t offline = 0;  // bytes P0 -> P2
  int64_t online = 0;   // bytes P1 -> P2 plus P2 -> P1
  int64_t rounds = 0;   // online rounds: P1 and P2 each send once

  constexpr Cost& operator+=(const Cost& other) {
    offline += other.offline;
    online += other.online;
    rounds += other.rounds;
    return *this;
  }
  friend constexpr Cost operator+(Cost a, const Cost& b) { return a += b; }
  friend constexpr bool operator==(const Cost& a, const Cost& b) {
    return a.offline == b.offline && a.online == b.online && a.rounds == b.rounds;
  }
  // Two calls whose messages share their rounds.
  friend constexpr Cost Together(const Cost& a, const Cost& b) {
    return {a.offline + b.offline, a.online + b.online, a.rounds > b.rounds ? a.rounds : b.rounds};
  }
};

// P0 deals one value of `width` bits per element.
constexpr Cost DealCost(int64_t elements, int width) { return {PackedBytes(elements, width), 0, 0}; }

// P1 and P2 open one masked value of `width` bits per element, in a round of its own.
constexpr Cost OpenCost(int64_t elements, int width) { return {0, 2 * PackedBytes(elements, width), 1}; }

}  // namespace ditto
