#include "ditto/protocols/fixed_table.h"

#include <map>
#include <mutex>
#include <stdexcept>
#include <tuple>

namespace ditto {
namespace {

// Fixed point with 61 fractional bits: |value| < 4.
constexpr int kBits = kAngleBits;
constexpr int kMaxPoints = 24;
constexpr int64_t kOne = int64_t{1} << kBits;
constexpr int kAmplitudeBits = 30;
using Wide = __int128;

int64_t Times(int64_t a, int64_t b) { return static_cast<int64_t>((static_cast<Wide>(a) * b + (kOne >> 1)) >> kBits); }

int64_t RoundedShift(Wide a, int shift) { return static_cast<int64_t>((a + (Wide{1} << shift >> 1)) >> shift); }

// e^(numerator / 2^fraction) by its power series, |argument| <= 1.
int64_t FixedExp(int64_t numerator, int fraction) {
  Wide total = kOne, term = kOne;
  for (int k = 1; term != 0; ++k) {
    term = term * numerator / (static_cast<Wide>(k) << fraction);
    total += term;
  }
  return static_cast<int64_t>(total);
}

Angle Rotated(const Angle& a, const Angle& by) {
  return {Times(a.cosine, by.cosine) - Times(a.sine, by.sine), Times(a.sine, by.cosine) + Times(a.cosine, by.sine)};
}

// cos and sin of 2 pi / 2^n by their power series.
Angle FirstAngle(int n) {
  constexpr int64_t kPi = 0x6487ED5110B4611A;  // pi * 2^61
  const int64_t angle = RoundedShift(kPi, n - 1);
  Angle total{kOne, 0};
  int64_t term = kOne;
  for (int k = 1; term != 0; ++k) {
    term = Times(term, angle) / k;
    int64_t& sum = k % 2 == 0 ? total.cosine : total.sine;
    sum += k % 4 < 2 ? term : -term;
  }
  return total;
}

// The table under `key`, made on first use. References into a std::map stay valid.
template <class Table, class Key, class Make>
const Table& Once(const Key& key, Make make) {
  static std::mutex mutex;
  static std::map<Key, Table> tables;
  const std::lock_guard<std::mutex> lock(mutex);
  const auto found = tables.find(key);
  return found != tables.end() ? found->second : tables.emplace(key, make()).first->second;
}

}  // namespace

const std::vector<uint64_t>& ExpTable(int fraction, int n, int64_t slack, int bits) {
  using Table = std::vector<uint64_t>;
  return Once<Table>(std::tuple(fraction, n, slack, bits), [&] {
    Table table(size_t{1} << n);
    // Downwards from the largest, so that the absolute error of a step shrinks with the values.
    const int64_t step = FixedExp(-1, fraction);
    int64_t value = FixedExp(slack, fraction);
    for (size_t c = table.size(); c-- > 0; value = Times(value, step)) {
      table[c] = static_cast<uint64_t>(RoundedShift(value, kBits - bits));
    }
    return table;
  });
}

Angle AngleOf(uint32_t c, int n) {
  constexpr int kHalf = kMaxPoints / 2;
  // The 2^kHalf multiples of 2 pi / 2^points, made of turns by the powers of two.
  const auto multiples = [](int points) {
    std::vector<Angle> angles = {{kOne, 0}};
    for (int j = points; j > points - kHalf; --j) {
      const Angle turn = j > 1 ? FirstAngle(j) : Angle{-kOne, 0};
      const size_t half = angles.size();
      for (size_t k = 0; k < half; ++k) angles.push_back(Rotated(angles[k], turn));
    }
    return angles;
  };
  static const std::vector<Angle> coarse = multiples(kHalf), fine = multiples(kMaxPoints);
  const uint32_t turn = c << (kMaxPoints - n);
  return Rotated(coarse[turn >> kHalf], fine[turn & ((1u << kHalf) - 1)]);
}

Angle Rounded(const Angle& t, int bits) {
  return {RoundedShift(t.cosine, kBits - bits), RoundedShift(t.sine, kBits - bits)};
}

Angle Amplified(const Wave& wave, const Angle& t, int bits) {
  const Wide cosine = static_cast<Wide>(wave.cosine) * t.cosine + static_cast<Wide>(wave.sine) * t.sine;
  const Wide sine = static_cast<Wide>(wave.cosine) * t.sine - static_cast<Wide>(wave.sine) * t.cosine;
  const int shift = kBits + kAmplitudeBits - bits;
  return {RoundedShift(cosine, shift), RoundedShift(sine, shift)};
}

const std::vector<uint32_t>& WaveTable(int n, const Wave& wave, int bits) {
  using Table = std::vector<uint32_t>;
  return Once<Table>(std::tuple(n, wave.order, wave.cosine, wave.sine, bits), [&] {
    const Angle first = FirstAngle(n);
    Angle step{kOne, 0}, angle{kOne, 0};
    for (int k = 0; k < wave.order; ++k) step = Rotated(step, first);
    const auto half = [](int64_t value) {
      if (value != static_cast<int16_t>(value)) throw std::invalid_argument("a wave's amplitude exceeds 15 bits");
      return static_cast<uint16_t>(value);
    };
    Table table(size_t{1} << n);
    for (uint32_t& entry : table) {
      const Angle value = Amplified(wave, angle, bits);
      entry = static_cast<uint32_t>(half(value.sine)) << 16 | half(value.cosine);
      angle = Rotated(angle, step);
    }
    return table;
  });
}

}  // namespace ditto
