// Sums of sines and cosines of a share, in one opening.
//
// Computes: constant + sum_k a_k cos(w_k x) + b_k sin(w_k x) over Z_{2^out}, where all w_k are multiples of
//   2 pi / 2^log2_period. A function that is needed on an interval shorter than the period is approximated by few such
//   terms: two give GELU's even part to 0.0023.
// Source: Fourier series of a masked argument with a dealer: Boura et al., "High-Precision Privacy-Preserving
//   Real-Valued Function Evaluation" (Financial Cryptography 2018); GELU by Fourier series in MPC: SecFormer (arXiv
//   2401.00793) and SHAFT (NDSS 2025). cos(w (m - a)) = cos(wm) cos(wa) + sin(wm) sin(wa) depends on m and a modulo the
//   period alone, so that neither the wrap of m - a nor the size of x matters, and P0 knows a, P1 and P2 know m. The
//   period that divides the ring, the choice of frequencies and the opening of all harmonics' sum, truncated, are this
//   project's.
// Steps, in a ring with `scale` fractional bits:
//   1. P0 deals cos(w_k a) and sin(w_k a) with dealt_bits fractional bits.
//   2. P1 and P2 multiply their parts by public tables of m with table_bits fractional bits, and add.
//   3. They truncate and open masked (truncate.h).
// Sends per element: P0 -> P2 2 (table_bits + dealt_bits + out - out_fraction) bits per harmonic, offline;
//   P1 <-> P2 out bits each. One round.
// Range: any x; the result must fit. Error: one unit of the opening, and per harmonic at most
//   |a_k, b_k| 2^-dealt_bits + 2^-table_bits.
// Security: dealt values are masked by k01's stream, the opening by fresh masks.
#pragma once

#include <cstdint>
#include <vector>

#include "ditto/protocols/truncate.h"

namespace ditto {

struct Harmonic {
  int order;       // periods of this harmonic in the function's period
  int64_t cosine;  // a_k in units of 2^-30
  int64_t sine;    // b_k in units of 2^-30
  int table_bits;  // a_k, b_k < 2^{15 - table_bits}
  int dealt_bits;  // at most 14
};

struct PeriodicFunction {
  int log2_period;   // the period is 2^log2_period, a real number
  int64_t constant;  // in units of 2^-30
  std::vector<Harmonic> harmonics;

  // Fractional bits of the sum before it is truncated.
  int scale() const {
    int bits = 0;
    for (const Harmonic& h : harmonics) bits = bits > h.table_bits + h.dealt_bits ? bits : h.table_bits + h.dealt_bits;
    return bits;
  }
};

// Steps 1 and 2: additive parts between P1 and P2 of f(x) over Z_{2^width} with f.scale() fractional bits; an empty
// tensor at P0. Throws std::invalid_argument if x has fewer bits than the period, or the period more than 2^20 points.
Tensor PeriodicParts(Party& p, const Share& x, int fraction, const PeriodicFunction& f, int width);
Cost PeriodicDealCost(int64_t n, const PeriodicFunction& f, int width);

// Needs out_fraction <= f.scale().
Share Periodic(Party& p, const Share& x, int fraction, const PeriodicFunction& f, int out_width, int out_fraction);
Cost PeriodicCost(int64_t n, const PeriodicFunction& f, int out_width, int out_fraction);

}  // namespace ditto
