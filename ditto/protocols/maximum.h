// Maximum along an axis, and the index where it stands.
//
// Computes: the largest of the n values along `axis` (removed from the shape), by a tree of neighbours: ceil(log2 n)
//   levels, n - 1 comparisons and selections a row.
// Source: tournament tree, as in every secure softmax; comparison and selection are compare.h and bits.h.
// Steps, per level:
//   1. b = [left < right] for neighbours (compare.h, on the low `bits` bits less `drop`).
//   2. winner = left + b (right - left) (bits.h). ArgMaxAlong selects the index by the same bit in the same round.
// Sends: MaxCost, ArgMaxCost. Rounds: those of a comparison plus one, per level.
// Range: differences must satisfy -2^{bits-1} <= left - right <= 2^{bits-1} - 2^drop.
// Error: the maximum is short by less than levels * 2^drop units, never too large. Of equal values the first wins.
// Security: composition of compare.h and bits.h.
#pragma once

#include "ditto/protocols/party.h"

namespace ditto {

Share MaxAlong(Party& p, const Share& x, int64_t axis, int bits, int drop);
Cost MaxCost(const Shape& shape, int64_t axis, int width, int bits, int drop);

// The index over Z_{2^index_width}.
Share ArgMaxAlong(Party& p, const Share& x, int64_t axis, int bits, int index_width);
Cost ArgMaxCost(const Shape& shape, int64_t axis, int width, int bits, int index_width);

}  // namespace ditto
