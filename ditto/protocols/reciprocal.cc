#include "ditto/protocols/reciprocal.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "ditto/protocols/octaves.h"

namespace ditto {
namespace {

// 1/y: minimax coefficients, found by linear programming; relative error 3.8e-5.
constexpr NormalFunction kReciprocal{
    1847011434, {{{2, 2411430157, -428422023}, {3, -533125134, -1149998094}, {5, -80498442, -48704685}}}};

// One interval per power of two: in [2^k, 2^{k+1}), h = 2^-k.
Normalization Octaves(int fraction, int lo, int hi) {
  lo = std::max(lo, -fraction);
  if (lo >= hi || hi - lo > 60 || fraction + hi > 62) {
    throw std::invalid_argument("no reciprocal of the range [2^" + std::to_string(lo) + ", 2^" + std::to_string(hi) +
                                ") with " + std::to_string(fraction) + " fractional bits");
  }
  Normalization n;
  n.scale_bits = n.factor_bits = std::max(hi - 1, 0);
  n.top = fraction + hi;
  n.result = 1 - lo;
  for (int k = lo; k < hi; ++k) {
    if (k > lo) n.bounds.push_back(int64_t{1} << (fraction + k));
    n.h.push_back(uint64_t{1} << (n.scale_bits - k));
  }
  n.g = n.h;
  return n;
}

}  // namespace

Share Reciprocal(Party& p, const Share& x, int fraction, int lo, int hi, int out_width, int out_fraction) {
  return Normalized(p, x, fraction, kReciprocal, Octaves(fraction, lo, hi), out_width, out_fraction);
}

Cost ReciprocalCost(int64_t n, int width, int fraction, int lo, int hi, int out_width, int out_fraction) {
  return NormalizedCost(n, width, fraction, Octaves(fraction, lo, hi), out_width, out_fraction);
}

}  // namespace ditto
