// Which of several intervals a share lies in: its product with that interval's factor, and that interval's weights.
//
// Computes: for x between the bounds t_{j-1} <= x < t_j, the product x G_j / 2^shift over Z_{2^out}, and any number of
//   weights W_j, each over a ring of its own.
// Source: written for this project; a sum of bits times public steps (bits.h) needs one opening, however many bits.
// Steps:
//   1. P1 and P2 get b_j = [x < t_j] for all bounds from one comparison (compare.h).
//   2. P0 deals [a_b] and [a_b a_x] for each b_j (bits.h); P1 and P2 open W = W_last + sum (W_j - W_{j+1}) b_j, and the
//      same combination of b_j x with G, truncated. One round for all.
// Sends: LocateCost. Rounds: 1, and those of the comparison (2 up to 34 powers of two, then 3).
// Error: what the comparison drops makes x count for the next higher interval from t (1 - 1/64) on; one unit of the
//   product.
// Security: composition of compare.h and bits.h; dealt values are masked by k01's stream, openings by fresh masks.
#pragma once

#include <cstdint>
#include <vector>

#include "ditto/protocols/party.h"

namespace ditto {

struct Intervals {
  std::vector<int64_t> bounds;    // positive, ascending; none for a single interval
  std::vector<uint64_t> factors;  // G of each interval: one more than bounds
  int top;                        // 0 < x < 2^top
};

// Groups of powers of two below 2^top, the lowest first, whose factors bring x into the highest group.
constexpr int kGroupOctaves = 8;
Intervals OctaveGroups(int top, int octaves);

struct Weights {
  std::vector<uint64_t> of;  // each interval
  int width;
};

struct Located {
  Share product;
  std::vector<Share> weights;
};

// Needs an x of at least shift + out bits, and of top + 1 if there are bounds; throws std::invalid_argument otherwise.
Located Locate(Party& p, const Share& x, const Intervals& intervals, int shift, int out,
               const std::vector<Weights>& weights);

Cost LocateCost(int64_t n, const Intervals& intervals, int shift, int out, const std::vector<Weights>& weights);

}  // namespace ditto
