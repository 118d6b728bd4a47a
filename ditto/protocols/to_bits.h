// The bits of an integer.
//
// Computes: masked bits x_0 .. x_{n-1} with x = sum_i 2^i x_i mod 2^n, plane by plane: the result has the shape
//   (n, *shape of x).
// Source: written for this project after compare.h. With x = c - a, x_i = c_i ^ a_i ^ B_i for the borrow B_i =
//   [c mod 2^i < a mod 2^i] into bit i. A chunk's table (chunk_table.h) tells t(v) = [v < a_chunk] for every v; that of
//   the chunk's low i bits alone is the exclusive or of some of its entries, so that one table serves all prefixes.
// Steps:
//   1. P0 deals the tables of a's chunks of up to 4 bits and the bits a_i. Per chunk and prefix P1 and P2 read their
//      parts of lt = [c_prefix < a_prefix] and eq = [c_prefix = a_prefix], and open masked those that are needed. One
//      round.
//   2. The borrow into each chunk, from the whole chunks below it: lt's and eq's are joined (bit_products.h), up to 8
//      chunks in one round. For more than 9 chunks: those from the ninth on are joined among themselves at the same
//      time, and the borrow into the ninth is carried into theirs, B = lt ^ eq B_8 (bits.h), in a further round.
//   3. The borrow into each bit from that into its chunk, B = lt ^ eq B_chunk. One round.
//   4. c_i joins the masked bit, a_i its masks.
// Sends: ToBitsCost. 8 bits: 41 bits offline, 26 online, 2 rounds; 32 bits: 491 and 170, 3 rounds; 64 bits: 1,479 and
//   386, 4 rounds. Range: any. Error: none.
// Security: every table and product is masked by k01's stream; every opening has fresh masks. Bits of the lowest chunk
//   are under masks of their own, those above it under these and the opening's.
#pragma once

#include "ditto/protocols/party.h"

namespace ditto {

// 2 <= n <= x.width(); throws std::invalid_argument otherwise.
Share ToBits(Party& p, const Share& x, int n);
Cost ToBitsCost(int64_t elements, int n);

}  // namespace ditto
