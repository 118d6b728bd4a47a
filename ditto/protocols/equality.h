// Equality with zero.
//
// Computes: the masked bit [x = 0 mod 2^bits], that is [m = a] for the public m and the mask a that P0 knows.
// Source: the truth tables of chunk_table.h and the products of bit_products.h.
// Steps, with the low `bits` bits cut into chunks of at most 4:
//   1. P0 deals the chunks' tables; P1 and P2 read [m_chunk = a_chunk] and open it masked. One round for all chunks.
//   2. Groups of four wires are multiplied and opened masked, one round a level, until one is left.
// Sends: EqualZeroCost. At bits = 32: 131 + 42 bits, 3 rounds. Range: any. Error: none.
// Security: as in chunk_table.h and bit_products.h; every opening has fresh masks.
#pragma once

#include "ditto/protocols/party.h"

namespace ditto {

Share EqualZero(Party& p, const Share& x, int bits);
Cost EqualZeroCost(int64_t n, int bits);

}  // namespace ditto
