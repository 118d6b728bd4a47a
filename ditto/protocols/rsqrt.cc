#include "ditto/protocols/rsqrt.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "ditto/protocols/octaves.h"

namespace ditto {
namespace {

// 1/sqrt(y): minimax coefficients, found by linear programming; relative error 2.1e-5.
constexpr NormalFunction kRsqrt{2058687821,
                                {{{1, 242707371, -1497537647}, {3, -29741458, -271230910}, {4, -73115756, 22573243}}}};

constexpr int FloorHalf(int k) { return k >> 1; }

// h = 2^-k from 4^k on, h = 1.5 * 2^-k-1 from 16/9 4^k on.
Normalization HalfOctaves(int fraction, int lo, int hi) {
  lo = std::max(lo, -fraction);
  if (lo >= hi || hi - lo > 60 || fraction + hi > 58) {
    throw std::invalid_argument("no reciprocal square root of the range [2^" + std::to_string(lo) + ", 2^" +
                                std::to_string(hi) + ") with " + std::to_string(fraction) + " fractional bits");
  }
  const int first = FloorHalf(lo), last = FloorHalf(hi - 1);
  Normalization n;
  n.scale_bits = std::max(last + 2, 0);
  n.factor_bits = 2 * n.scale_bits;
  n.top = fraction + hi;
  n.result = 1 - first;
  const auto interval = [&](int64_t bound, uint64_t h) {
    if (bound >> n.top > 0) return;
    // Intervals below the range make way for the one that holds its lower end.
    if (bound <= int64_t{1} << (fraction + lo)) {
      n.bounds.clear();
      n.h.clear();
    } else {
      n.bounds.push_back(bound);
    }
    n.h.push_back(h);
  };
  for (int k = first; k <= last; ++k) {
    const int exponent = fraction + 2 * k;  // 4^k in units of x
    const int64_t power = exponent < 0 ? 1 : int64_t{1} << exponent;
    const int64_t sixteen_ninths = exponent < 0 ? (int64_t{16} >> -exponent) / 9 + 1 : ((power << 4) + 8) / 9;
    interval(power, uint64_t{4} << (n.scale_bits - 2 - k));
    interval(sixteen_ninths, uint64_t{3} << (n.scale_bits - 2 - k));
  }
  for (uint64_t h : n.h) n.g.push_back(h * h);
  return n;
}

}  // namespace

Share Rsqrt(Party& p, const Share& x, int fraction, int lo, int hi, int out_width, int out_fraction) {
  return Normalized(p, x, fraction, kRsqrt, HalfOctaves(fraction, lo, hi), out_width, out_fraction);
}

Cost RsqrtCost(int64_t n, int width, int fraction, int lo, int hi, int out_width, int out_fraction) {
  return NormalizedCost(n, width, fraction, HalfOctaves(fraction, lo, hi), out_width, out_fraction);
}

}  // namespace ditto
