// Products with truncation: elementwise, square, and matrix product.
//
// Computes: z = x * y / 2^shift over Z_{2^out}, for products summed inside a matmul alike. All arithmetic is modulo
//   2^{shift+out}, so operands need only be known to that width.
// Source: masked evaluation with a dealer (ASTRA, Trident; Turbospeedz for the masked form), with the truncation of
//   truncate.h.
// Steps, with x = m_x - a_x1 - a_x2 and a_x = a_x1 + a_x2 the masks:
//   1. P0 deals a_x * a_y, rounded to the bits that survive the shift.
//   2. P1: z1 = m_x m_y - m_x a_y1 - a_x1 m_y + d1.   P2: z2 = d2 - m_x a_y2 - a_x2 m_y.
//   3. Both truncate their own share and open masked over Z_{2^out} (truncate.h).
// Sends per element of the RESULT: P0 -> P2 out + min(2, shift) bits, offline; P1 <-> P2 out bits each. One round.
// Range: the result must fit out bits. Error: at most 1.13 units of 2^-f_out, unbiased.
// Security: the dealt value is masked by d1 (k01), the openings by fresh masks; views are simulated by uniform values.
#pragma once

#include "ditto/protocols/truncate.h"

namespace ditto {

Share Multiply(Party& p, const Share& x, const Share& y, int shift, int out);
Share Square(Party& p, const Share& x, int shift, int out);
// x: [B, M, K], y: [B, K, N] -> [B, M, N].
Share MatMul(Party& p, const Share& x, const Share& y, int shift, int out);

constexpr Cost MultiplyCost(int64_t elements_of_result, int shift, int out) {
  return DealForTruncationCost(elements_of_result, shift, out) + OpenTruncatedCost(elements_of_result, out);
}

}  // namespace ditto
