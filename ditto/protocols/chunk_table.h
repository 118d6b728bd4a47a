// Truth tables over small chunks of a mask: how P1 and P2 compare what they know (m) with what only P0 knows (a).
//
// Computes, for n-bit values m (public to P1 and P2) and a (known to P0) cut into chunks of at most 5 bits, XOR parts
//   between P1 and P2 of lt = [m_chunk < a_chunk] and eq = [m_chunk = a_chunk].
// Source: one-time truth tables (TinyTable), with the table's index public because x = m - a is masked by a.
// Steps:
//   1. P0 deals per chunk of width w the table t(v) = [v < a_chunk], v = 0 .. 2^w - 2.
//   2. P1 and P2 read lt = t(m_chunk) and eq = t(m_chunk - 1) ^ t(m_chunk), with t(-1) = 1 and t(2^w - 1) = 0. One
//      dealt table serves any number of m's.
// Sends: P0 -> P2 2^w - 1 bits per element and chunk, offline. No round. Error: none.
// Security: the table is masked by k01's stream; reading it sends nothing. What is read must be opened under masks of
//   its own.
#pragma once

#include <vector>

#include "ditto/protocols/party.h"

namespace ditto {

constexpr int kMaxChunkBits = 5;

// Widths of `count` chunks of n bits, lowest first. Equal widths make the smallest tables; none is below 2 bits.
std::vector<int> ChunkWidths(int n, int count);
// Of the fewest chunks of at most 4 bits, which cost least where they are joined in groups of four.
std::vector<int> ChunkWidths(int n);

// The low n bits of t, in words that chunks of at least two bits can be read from.
Tensor LowBits(const Tensor& t, int n);

// 1. One table per chunk. `a` is held by P0: its low bits, n of them, are cut. Words must hold at least 2 bits.
std::vector<Tensor> DealTables(Party& p, const Tensor& a, const Shape& shape, const std::vector<int>& widths);
Cost DealTablesCost(int64_t elements, const std::vector<int>& widths);

// 2. For one m, chunk by chunk; empty tensors at P0.
struct ChunkParts {
  std::vector<Tensor> lt;
  std::vector<Tensor> eq;
};
ChunkParts ReadTables(const Party& p, const std::vector<Tensor>& tables, const Tensor& m,
                      const std::vector<int>& widths);

}  // namespace ditto
