#include "ditto/protocols/sine.h"

#include <stdexcept>
#include <string>

#include "ditto/protocols/periodic.h"
#include "ditto/ring/elementwise.h"

namespace ditto {
namespace {

constexpr int kTurnBits = 18;
// 2^63 / 2 pi.
constexpr uint64_t kTurn = 1467945251641000613;
constexpr int kTableBits = 14, kDealtBits = 14;

// Of waves whose tables fit 16 bits, rounded.
constexpr int64_t kLargest = (int64_t{1} << 31) - (int64_t{1} << 17);

PeriodicFunction Wave(int64_t cosine, int64_t sine) {
  using Wide = __int128;
  if (static_cast<Wide>(cosine) * cosine + static_cast<Wide>(sine) * sine > static_cast<Wide>(kLargest) * kLargest) {
    throw std::invalid_argument("a wave's amplitude is 2 or more");
  }
  return {0, 0, {{1, cosine, sine, kTableBits, kDealtBits}}};
}

// round(2^bits / 2 pi)
uint64_t Turn(int bits) {
  return bits >= 63 ? kTurn << (bits - 63) : (kTurn + (uint64_t{1} << (62 - bits))) >> (63 - bits);
}

}  // namespace

Share Sine(Party& p, const Share& x, int fraction, int64_t cosine, int64_t sine, int out_width, int out_fraction) {
  const int width = x.width();
  if (width < kTurnBits + 2 || fraction >= width || out_fraction > kTableBits + kDealtBits ||
      out_width - out_fraction > kMaxWidth - kTableBits - kDealtBits) {
    throw std::invalid_argument("no sine of a share of " + std::to_string(width) + " bits with " +
                                std::to_string(fraction) + " fractional bits into " + std::to_string(out_fraction));
  }
  // 1.
  const uint64_t turn = Turn(width - fraction);
  const Share turns = MapComponents(
      x, [&](const Tensor& t) { return ShiftRight(MulScalar(t, turn), width - kTurnBits, 0, width, kTurnBits); });
  // 2.
  return Periodic(p, turns, kTurnBits, Wave(cosine, sine), out_width, out_fraction);
}

Cost SineCost(int64_t n, int64_t cosine, int64_t sine, int out_width, int out_fraction) {
  return PeriodicCost(n, Wave(cosine, sine), out_width, out_fraction);
}

}  // namespace ditto
