// Tests that all a party sees in a protocol is jointly uniform, so that no message tells anything about another.
//
// A party's view of one run: the masks of its inputs, all it draws, and all it learns. Learned are, less what the party
// knows itself: its inputs' and every opening's value under the other party's mask, and what P0 deals to P2. The view
// is taken in many runs with the same secrets and fresh keys, and has to pass two tests:
//   1. No exclusive or of any of its bits is constant (their rank over GF(2), exactly). Finds every linear relation: a
//      mask used twice, a mask that its receiver knows, a mask that is the sum of two others.
//   2. What is learned, alone, and its sum, difference and exclusive or with any other element have uniform lowest and
//      highest bits (Pearson's chi-square). Finds relations of two elements that hold up to a small error: a mask used
//      twice for values that are rounded.
// Relations of three elements or more that only hold nearly would go unseen. Keys come from a counter: a run is
// reproducible to the bit, a test that passes once passes always.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "ditto/protocols/testing.h"

namespace ditto::testing {

struct Element {
  uint64_t value;
  int width;
  bool learned;
};
using View = std::vector<Element>;

// A party that remembers its view.
class WatchedParty : public Party {
 public:
  using Party::Party;

  Tensor Random(Pair pair, const Shape& shape, int width) override {
    const Tensor t = Party::Random(pair, shape, width);
    See(t, false);
    return t;
  }

  Tensor ReceiveOffline(const Shape& shape, int width) override {
    const Tensor t = Party::ReceiveOffline(shape, width);
    See(t, true);
    return t;
  }

  // An input: its own mask, and the value under the other's.
  void SeeInput(const Share& x) {
    if (is_p0()) return;
    See(OwnMask(x), false);
    See(Sub(x.m, OwnMask(x)), true);
  }

  void See(const Tensor& t, bool learned) {
    if (!t.held() || is_p0()) return;
    const uint64_t mask = WidthMask<uint64_t>(t.width());
    for (int64_t value : SignExtend(t)) view_.push_back({static_cast<uint64_t>(value) & mask, t.width(), learned});
  }

  const View& view() const { return view_; }

 protected:
  std::vector<Share> OpenAll(const std::vector<Opening>& openings) override {
    std::vector<Share> shares = Party::OpenAll(openings);
    for (const Share& x : shares) {
      if (x.m.held()) See(Sub(x.m, OwnMask(x)), true);
    }
    return shares;
  }

 private:
  const Tensor& OwnMask(const Share& x) const { return is_p1() ? x.l1 : x.l2; }

  View view_;
};

// The views of P1 and P2 in the run of a number.
using Sampler = std::function<std::array<View, 2>(uint64_t run)>;

// A different key for every (run, use).
inline PrgKey NumberedKey(uint64_t run, uint8_t use) {
  PrgKey key{};
  for (int i = 0; i < 8; ++i) key[i] = static_cast<uint8_t>(run >> (8 * i));
  key[15] = use;
  return key;
}

inline PairKeys NumberedKeys(uint64_t run) { return {NumberedKey(run, 1), NumberedKey(run, 2), NumberedKey(run, 3)}; }

using Shares = std::vector<Share>;

// A secret tensor whose elements are all equal.
struct Secret {
  int width;
  int64_t value;
  Shape shape = {2};
};

// Of a run of its own.
inline std::vector<Views> SharesOf(const std::vector<Secret>& secrets, uint64_t run) {
  std::vector<Views> shares;
  for (size_t k = 0; k < secrets.size(); ++k) {
    const auto& [width, value, shape] = secrets[k];
    const std::vector<int64_t> values(NumElements(shape), value);
    shares.push_back(ShareOf(values, shape, width, NumberedKey(run, static_cast<uint8_t>(4 + k))));
  }
  return shares;
}

// The views of body(party, shares).
template <class F>
std::array<View, 2> ViewsOf(const std::vector<Views>& inputs, F body, const PairKeys& keys, uint64_t domain = 7) {
  const auto result = RunThree<WatchedParty>(
      [&](WatchedParty& p) {
        std::vector<Share> mine;
        for (const Views& x : inputs) {
          mine.push_back(Mine(x, p));
          p.SeeInput(mine.back());
        }
        body(p, mine);
        return p.view();
      },
      keys, domain);
  return {result.views[1], result.views[2]};
}

// Vectors over GF(2), added as long as they are linearly independent.
class XorBasis {
 public:
  using Bits = std::vector<uint64_t>;

  // False if `v` is an exclusive or of vectors added before.
  bool Add(Bits v) {
    for (const auto& [pivot, basis] : basis_) {
      if (v[pivot / 64] >> (pivot % 64) & 1) {
        for (size_t i = pivot / 64; i < v.size(); ++i) v[i] ^= basis[i];
      }
    }
    for (size_t i = 0; i < v.size(); ++i) {
      if (v[i] == 0) continue;
      basis_.emplace_back(64 * i + __builtin_ctzll(v[i]), std::move(v));
      return true;
    }
    return false;
  }

 private:
  std::vector<std::pair<size_t, Bits>> basis_;  // a vector and its first bit that is set
};

// Pearson's chi-square for equally likely outcomes, as a normal deviate (Wilson and Hilferty).
template <size_t kOutcomes>
double ChiSquareDeviate(const std::array<int, kOutcomes>& counts, int outcomes) {
  double total = 0, squares = 0;
  for (int c : counts) {
    total += c;
    squares += static_cast<double>(c) * c;
  }
  const double chi = squares * outcomes / total - total, part = 2.0 / (9 * (outcomes - 1));
  return (std::cbrt(chi / (outcomes - 1)) - (1 - part)) / std::sqrt(part);
}

inline std::string NameOf(const View& view, size_t at) {
  return std::string(view[at].learned ? "learned" : "own") + " element " + std::to_string(at) + " of " +
         std::to_string(view[at].width) + " bits";
}

// 1. All runs of one party's view; empty if there is no relation.
inline std::string LinearRelation(const std::vector<View>& runs) {
  const size_t words = (runs.size() + 63) / 64;
  const auto column = [&](auto bit) {
    XorBasis::Bits bits(words);
    for (size_t r = 0; r < runs.size(); ++r) bits[r / 64] |= uint64_t{bit(runs[r])} << (r % 64);
    return bits;
  };
  XorBasis basis;
  basis.Add(column([](const View&) { return true; }));
  for (size_t at = 0; at < runs[0].size(); ++at) {
    for (int b = 0; b < runs[0][at].width; ++b) {
      if (basis.Add(column([&](const View& view) { return (view[at].value >> b & 1) != 0; }))) continue;
      return "bit " + std::to_string(b) + " of " + NameOf(runs[0], at) + " is an exclusive or of others before it";
    }
  }
  return "";
}

// 2. Of two elements, or of one and nothing.
inline bool Uniform(const uint64_t* x, const uint64_t* y, size_t runs, int width) {
  constexpr int kBits = 3;
  constexpr double kLimit = 6.5;  // once in 10^10 tests
  const int bits = std::min(kBits, width), top = width - bits;
  const uint64_t mask = (uint64_t{1} << bits) - 1;
  for (int combination = width == 1 ? 2 : 0; combination < 3; ++combination) {
    std::array<int, 1 << kBits> low{}, high{};
    for (size_t r = 0; r < runs; ++r) {
      const uint64_t v = combination == 0 ? x[r] + y[r] : combination == 1 ? x[r] - y[r] : x[r] ^ y[r];
      ++low[v & mask];
      ++high[v >> top & mask];
    }
    if (ChiSquareDeviate(low, 1 << bits) > kLimit || ChiSquareDeviate(high, 1 << bits) > kLimit) return false;
  }
  return true;
}

inline std::string PairRelation(const std::vector<View>& runs) {
  const View& first = runs[0];
  std::vector<std::vector<uint64_t>> values(first.size());
  for (size_t at = 0; at < first.size(); ++at) {
    for (const View& view : runs) values[at].push_back(view[at].value);
  }
  const std::vector<uint64_t> nothing(runs.size());
  for (size_t i = 0; i < first.size(); ++i) {
    if (!first[i].learned) continue;
    if (!Uniform(values[i].data(), nothing.data(), runs.size(), first[i].width)) {
      return NameOf(first, i) + " is not uniform";
    }
    for (size_t j = 0; j < first.size(); ++j) {
      if (j == i || (j < i && first[j].learned)) continue;
      if (!Uniform(values[i].data(), values[j].data(), runs.size(), std::min(first[i].width, first[j].width))) {
        return NameOf(first, i) + " depends on " + NameOf(first, j);
      }
    }
  }
  return "";
}

// What relates elements of P1's or of P2's view; empty if nothing does.
inline std::string RelationInViews(const Sampler& sampler) {
  constexpr size_t kFewest = 512;
  std::array<std::vector<View>, 2> runs;
  size_t enough = kFewest;
  for (uint64_t run = 0; run < enough; ++run) {
    const std::array<View, 2> views = sampler(run);
    for (size_t party = 0; party < 2; ++party) {
      size_t bits = 0;
      for (const Element& e : views[party]) bits += e.width;
      // Random bits in so many more runs than there are bits are dependent once in 2^63 tests.
      enough = std::max(enough, bits + 64);
      runs[party].push_back(views[party]);
    }
  }
  for (size_t party = 0; party < 2; ++party) {
    std::string relation = LinearRelation(runs[party]);
    runs[party].resize(kFewest);
    if (relation.empty()) relation = PairRelation(runs[party]);
    if (!relation.empty()) return (party == 0 ? "P1: " : "P2: ") + relation;
  }
  return "";
}

template <class F>
std::string RelationInViews(const std::vector<Secret>& secrets, F body) {
  return RelationInViews([&](uint64_t run) { return ViewsOf(SharesOf(secrets, run), body, NumberedKeys(run)); });
}

// Every protocol promises this; a few elements suffice, for all pairs of all messages' elements are compared.
template <class F>
void ExpectJointlyUniform(const std::vector<Secret>& secrets, F body) {
  EXPECT_EQ(RelationInViews(secrets, body), "");
}

}  // namespace ditto::testing
