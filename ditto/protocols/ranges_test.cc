// Functions of one variable over ranges, fractions and widths drawn at random: all that a ring of 64 bits can hold.

#include <algorithm>
#include <functional>
#include <optional>
#include <string>

#include "ditto/protocols/exp_below.h"
#include "ditto/protocols/log.h"
#include "ditto/protocols/reciprocal.h"
#include "ditto/protocols/rsqrt.h"
#include "ditto/protocols/sqrt.h"
#include "ditto/protocols/testing.h"

namespace ditto {
namespace {

using namespace ditto::testing;

struct Range {
  int width, fraction, lo, hi, out_width, out_fraction;

  std::string Text() const {
    return "from <" + std::to_string(width) + ", " + std::to_string(fraction) + "> in [2^" + std::to_string(lo) +
           ", 2^" + std::to_string(hi) + ") into <" + std::to_string(out_width) + ", " + std::to_string(out_fraction) +
           ">";
  }
};

struct Function {
  std::string name;
  std::function<double(double)> real;
  // Bits of the result besides its fraction.
  std::function<int(int lo, int hi)> integer_bits;
  std::function<double(double expected, int out_fraction)> error;  // expected and result in units
  std::function<Share(Party&, const Share&, const Range&)> run;
  std::function<Cost(int64_t, const Range&)> cost;
};

// Whole bytes of messages: padding bits would not be uniform.
void Fill(std::vector<int64_t>& x) { x.resize((x.size() + 7) / 8 * 8, x.front()); }

double Relative(double expected, int) { return 1.2 + expected * std::exp2(-12); }

std::vector<Function> Functions() {
  return {
      {"reciprocal", [](double x) { return 1 / x; }, [](int lo, int) { return 2 - lo; }, Relative,
       [](Party& p, const Share& x, const Range& r) {
         return Reciprocal(p, x, r.fraction, r.lo, r.hi, r.out_width, r.out_fraction);
       },
       [](int64_t n, const Range& r) {
         return ReciprocalCost(n, r.width, r.fraction, r.lo, r.hi, r.out_width, r.out_fraction);
       }},
      {"rsqrt", [](double x) { return 1 / std::sqrt(x); }, [](int lo, int) { return 2 - (lo >> 1); }, Relative,
       [](Party& p, const Share& x, const Range& r) {
         return Rsqrt(p, x, r.fraction, r.lo, r.hi, r.out_width, r.out_fraction);
       },
       [](int64_t n, const Range& r) {
         return RsqrtCost(n, r.width, r.fraction, r.lo, r.hi, r.out_width, r.out_fraction);
       }},
      {"sqrt", [](double x) { return std::sqrt(x); }, [](int, int hi) { return 2 + ((hi + 1) >> 1); }, Relative,
       [](Party& p, const Share& x, const Range& r) {
         return Sqrt(p, x, r.fraction, r.hi, r.out_width, r.out_fraction);
       },
       [](int64_t n, const Range& r) { return SqrtCost(n, r.width, r.fraction, r.hi, r.out_width, r.out_fraction); }},
      {"log", [](double x) { return std::log(x); }, [](int, int) { return 7; },
       [](double, int out_fraction) { return std::ldexp(1, out_fraction - 12) + 2; },
       [](Party& p, const Share& x, const Range& r) {
         return Log(p, x, r.fraction, r.lo, r.hi, r.out_width, r.out_fraction);
       },
       [](int64_t n, const Range& r) {
         return LogCost(n, r.width, r.fraction, r.lo, r.hi, r.out_width, r.out_fraction);
       }},
  };
}

int Draw(std::mt19937_64& random, int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); }

// Half the results have all 64 bits.
int DrawWidth(std::mt19937_64& random, int least) {
  return Draw(random, 0, 1) == 0 ? kMaxWidth : Draw(random, least, kMaxWidth);
}

std::optional<Range> DrawRange(std::mt19937_64& random, const Function& f) {
  Range r{};
  r.fraction = Draw(random, 0, 36);
  const int top = Draw(random, 8, 63);
  r.hi = top - r.fraction;
  r.lo = Draw(random, -r.fraction, r.hi - 1);
  r.width = Draw(random, top + 1, kMaxWidth);
  r.out_fraction = Draw(random, 0, 20);
  const int least = std::max(r.out_fraction + f.integer_bits(r.lo, r.hi), 2);
  if (least > kMaxWidth) return std::nullopt;
  r.out_width = DrawWidth(random, least);
  return r;
}

TEST(Ranges, OfPositiveNumbersMayBeAny) {
  std::mt19937_64 random(1);
  for (int trial = 0; trial < 40; ++trial) {
    for (const Function& f : Functions()) {
      const std::optional<Range> r = DrawRange(random, f);
      if (!r) continue;
      std::vector<int64_t> x;
      for (int k = r->lo; k < r->hi; ++k) {
        const int64_t power = int64_t{1} << (r->fraction + k), last = power + (power - 1);
        const auto octave = Uniform(10, power, last, random());
        x.insert(x.end(), octave.begin(), octave.end());
        x.insert(x.end(), {power, last});
      }
      Fill(x);
      const int64_t n = static_cast<int64_t>(x.size());
      const Views xs = ShareOf(x, {n}, r->width);
      SCOPED_TRACE(f.name + " " + r->Text());
      const auto run = RunThree([&](Party& p) { return f.run(p, Mine(xs, p), *r); });
      EXPECT_EQ(run.views[1].width(), r->out_width);
      ExpectConforms(run, f.cost(n, *r));
      const auto y = Reconstruct(run.views);
      for (int64_t i = 0; i < n; ++i) {
        const double real = f.real(std::ldexp(static_cast<double>(x[i]), -r->fraction));
        const double expected = std::ldexp(real, r->out_fraction);
        ASSERT_LE(std::abs(static_cast<double>(y[i]) - expected), f.error(expected, r->out_fraction)) << x[i];
      }
    }
  }
}

TEST(Ranges, OfExponentsMayBeAny) {
  std::mt19937_64 random(2);
  for (int trial = 0; trial < 100; ++trial) {
    const int fraction = Draw(random, 0, 30), hi = Draw(random, -5, 22), out_fraction = Draw(random, 0, 18);
    const int least = std::max(static_cast<int>(std::ceil((hi + 0.01) * M_LOG2E)) + out_fraction, 1) + 1;
    const int out_width = DrawWidth(random, least), width = Draw(random, 5, kMaxWidth);
    const int bits = Draw(random, 2, width - 1);
    const int64_t low = -(int64_t{1} << (bits - 1)), one = int64_t{1} << fraction;
    const int64_t high = std::min(~low, hi * one);
    if (high < low) continue;
    std::vector<int64_t> x = Uniform(500, std::max(low, high - 40 * one), high, random());
    for (int k = 0; k < bits; ++k) {
      const auto far = Uniform(20, low, std::clamp(-(int64_t{1} << k), low, high), random());
      x.insert(x.end(), far.begin(), far.end());
    }
    Fill(x);
    const int64_t n = static_cast<int64_t>(x.size());
    const Views xs = ShareOf(x, {n}, width);
    SCOPED_TRACE(std::to_string(bits) + " bits of <" + std::to_string(width) + ", " + std::to_string(fraction) +
                 "> up to e^" + std::to_string(hi) + " into <" + std::to_string(out_width) + ", " +
                 std::to_string(out_fraction) + ">");
    const auto run =
        RunThree([&](Party& p) { return ExpBelow(p, Mine(xs, p), fraction, bits, hi, out_width, out_fraction); });
    ExpectConforms(run, ExpBelowCost(n, width, fraction, bits, hi, out_width, out_fraction));
    const auto y = Reconstruct(run.views);
    for (int64_t i = 0; i < n; ++i) {
      const double expected = std::ldexp(std::exp(std::ldexp(static_cast<double>(x[i]), -fraction)), out_fraction);
      ASSERT_LE(std::abs(static_cast<double>(y[i]) - expected), 1.3 + expected * std::exp2(-10)) << x[i];
    }
  }
}

}  // namespace
}  // namespace ditto
