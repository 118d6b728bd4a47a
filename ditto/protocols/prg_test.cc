#include "ditto/protocols/prg.h"

#include <bitset>
#include <cmath>
#include <vector>

#include "gtest/gtest.h"

namespace ditto {
namespace {

std::vector<uint8_t> Draw(const PrgKey& key, uint64_t domain, const std::vector<size_t>& sizes) {
  PrgStream stream(key, domain);
  std::vector<uint8_t> all;
  for (size_t size : sizes) {
    std::vector<uint8_t> part(size);
    stream.Fill(part.data(), size);
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

const PrgKey kKey = {0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c};

// AES of the zero block under the zero key (NIST AESAVS, KAT): domain 0, block 0. The second vector pins the place of
// the domain: it stands in the first half of the counter block, most significant byte first.
TEST(Prg, IsAesInCounterMode) {
  const std::vector<uint8_t> expected = {0x66, 0xe9, 0x4b, 0xd4, 0xef, 0x8a, 0x2c, 0x3b,
                                         0x88, 0x4c, 0xfa, 0x59, 0xca, 0x34, 0x2b, 0x2e};
  EXPECT_EQ(Draw(PrgKey{}, 0, {16}), expected);
  const std::vector<uint8_t> high_bit = {0x3a, 0xd7, 0x8e, 0x72, 0x6c, 0x1e, 0xc0, 0x2b,
                                         0x7e, 0xbf, 0xe9, 0x2b, 0x23, 0xd9, 0xec, 0x34};
  EXPECT_EQ(Draw(PrgKey{}, 1ull << 63, {16}), high_bit);
}

TEST(Prg, TheStreamDoesNotDependOnHowItIsCut) {
  const std::vector<uint8_t> whole = Draw(kKey, 42, {30000});
  EXPECT_EQ(Draw(kKey, 42, {1, 2, 3, 250, 0, 256, 1000, 8192, 20296}), whole);
  EXPECT_EQ(Draw(kKey, 42, std::vector<size_t>(30000, 1)), whole);
  EXPECT_EQ(Draw(kKey, 42, {29999, 1}), whole);
}

TEST(Prg, KeysAndDomainsGiveIndependentStreams) {
  PrgKey other = kKey;
  other[15] ^= 1;
  const std::vector<uint8_t> a = Draw(kKey, 1, {4096});
  for (const std::vector<uint8_t>& b :
       {Draw(kKey, 2, {4096}), Draw(other, 1, {4096}), Draw(kKey, 1ull << 63, {4096})}) {
    int equal = 0;
    for (size_t i = 0; i < a.size(); ++i) equal += a[i] == b[i];
    EXPECT_LT(equal, 48);  // 16 expected; a domain's blocks must not be another's, shifted
  }
}

TEST(Prg, BitsAreBalanced) {
  const std::vector<uint8_t> bytes = Draw(kKey, 7, {1 << 18});
  int64_t ones = 0;
  for (uint8_t b : bytes) ones += static_cast<int64_t>(std::bitset<8>(b).count());
  const double n = 8.0 * bytes.size();
  EXPECT_LT(std::abs(ones - n / 2), 5 * std::sqrt(n) / 2);
}

TEST(Prg, FreshKeysDiffer) { EXPECT_NE(FreshKey(), FreshKey()); }

}  // namespace
}  // namespace ditto
