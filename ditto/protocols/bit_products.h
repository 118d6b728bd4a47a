// Polynomials of masked bits, evaluated without a message: what joins the chunks of a comparison.
//
// Computes, from masked bits lt_j and eq_j (j = 0 the lowest chunk), additive (XOR) parts between P1 and P2 of
//   lt = XOR_j lt_j AND_{i>j} eq_i     and, if wanted,     eq = AND_j eq_j.
// Source: masked evaluation of multi-input AND gates (ABY2.0, section 3.1.4), one dealt bit per product of masks.
// Steps:
//   1. P0 deals every product of two or more masks that occurs; products without an lt are shared by all terms.
//   2. P1 and P2 evaluate the polynomial in their public bits and their parts of the products.
// Sends: P0 -> P2 JoinProducts bits per element, offline. No round. Error: none.
// Security: every dealt bit is masked by k01's stream; nothing is opened here.
#pragma once

#include <vector>

#include "ditto/protocols/party.h"

namespace ditto {

constexpr int kMaxJoined = 8;

struct Joined {
  Tensor lt;
  Tensor eq;  // empty unless wanted
};

// 1 to kMaxJoined chunks. eq[0] is read only if want_eq. P0 gets empty tensors.
Joined JoinChunks(Party& p, const std::vector<Share>& lt, const std::vector<Share>& eq, bool want_eq);

// The same lt as an integer: additive parts over Z_{2^width}, width > 1. eq[0] is not read. An empty tensor at P0.
// P0 deals as many ring elements per element as JoinInRingProducts says: masks and their products.
Tensor JoinChunksInRing(Party& p, const std::vector<Share>& lt, const std::vector<Share>& eq, int width);
constexpr int64_t JoinInRingProducts(int chunks) { return (int64_t{3} << (chunks - 1)) - 2; }

// XOR parts of the AND of 1 to kMaxJoined masked bits; an empty tensor at P0.
Tensor AndAll(Party& p, const std::vector<Share>& wires);
constexpr int64_t AndAllProducts(int wires) { return (int64_t{1} << wires) - 1 - wires; }

// Dealt bits per element.
constexpr int64_t JoinProducts(int chunks, bool want_eq) {
  const int masks = want_eq ? chunks : chunks - 1;
  int64_t products = AndAllProducts(masks);
  for (int j = 0; j < chunks; ++j) products += (int64_t{1} << (chunks - 1 - j)) - 1;
  return products;
}

}  // namespace ditto
