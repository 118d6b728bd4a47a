#include "ditto/protocols/polynomial.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "ditto/protocols/truncate.h"
#include "ditto/protocols/up_cast.h"
#include "ditto/ring/elementwise.h"
#include "ditto/ring/loop.h"

namespace ditto {
namespace {

constexpr int kMaxDegree = 8;

struct Plan {
  std::vector<int64_t> integers;  // c_k 2^{scale - k fraction}
  int shift;
  int out;

  int degree() const { return static_cast<int>(integers.size()) - 1; }
  int ring() const { return shift + out; }
};

// 1. Everything here is exact in double precision, so that P1 and P2 agree on every machine.
bool Encode(const std::vector<double>& coefficients, int fraction, int scale, int out_fraction, int range_bits,
            std::vector<int64_t>& integers) {
  for (size_t k = 0; k < coefficients.size(); ++k) {
    const int power = static_cast<int>(k);
    const double scaled = std::ldexp(coefficients[k], scale - power * fraction);
    if (!(std::abs(scaled) < 0x1p62)) throw std::invalid_argument("a polynomial's coefficient exceeds 62 bits");
    integers[k] = std::llround(scaled);
    const double error = std::ldexp(scaled - static_cast<double>(integers[k]), power * range_bits);
    // All coefficients together stay below half a unit of the result.
    if (std::abs(error) > std::ldexp(0.5, scale - out_fraction) / static_cast<double>(coefficients.size()))
      return false;
  }
  return true;
}

Plan MakePlan(int fraction, const std::vector<double>& coefficients, int out_width, int out_fraction, int range_bits) {
  const int degree = static_cast<int>(coefficients.size()) - 1;
  if (degree < 1 || degree > kMaxDegree) {
    throw std::invalid_argument("a polynomial of degree " + std::to_string(degree) + ", not of 1 to 8");
  }
  Plan plan;
  plan.out = out_width;
  plan.integers.resize(coefficients.size());
  for (int scale = std::max(out_fraction, 0); scale - out_fraction + out_width <= kMaxWidth; ++scale) {
    plan.shift = scale - out_fraction;
    if (Encode(coefficients, fraction, scale, out_fraction, range_bits, plan.integers)) return plan;
  }
  throw std::invalid_argument("a polynomial of degree " + std::to_string(degree) + " of " + std::to_string(range_bits) +
                              "-bit values into <" + std::to_string(out_width) + ", " + std::to_string(out_fraction) +
                              "> does not fit 64 bits: use several products");
}

int64_t Binomial(int n, int k) {
  int64_t value = 1;
  for (int i = 1; i <= k; ++i) value = value * (n - k + i) / i;
  return value;
}

// The polynomial of m that multiplies a^i in p(m - a), times `part`, which is absent for a^0.
void AddTerm(const Plan& plan, int i, const Tensor& m, const Tensor* part, Tensor& z) {
  DispatchRing(z.width(), [&](auto word) {
    using T = decltype(word);
    const auto coefficient = [&](int k) {
      const T value = static_cast<T>(plan.integers[k]) * static_cast<T>(Binomial(k, i));
      return i % 2 == 0 ? value : T{0} - value;
    };
    Tensor q(z.shape(), z.width());
    T* pq = q.mutable_data<T>();
    const T* pm = m.data<T>();
    const T top = coefficient(plan.degree());
    ForEach(z.size(), [=](int64_t e) DITTO_KERNEL { pq[e] = top; });
    for (int k = plan.degree() - 1; k >= i; --k) {
      const T next = coefficient(k);
      ForEach(z.size(), [=](int64_t e) DITTO_KERNEL { pq[e] = pq[e] * pm[e] + next; });
    }
    z = Add(z, part == nullptr ? q : Mul(q, *part));
  });
}

}  // namespace

Share Polynomial(Party& p, const Share& x_narrow, int fraction, const std::vector<double>& coefficients, int out_width,
                 int out_fraction, int range_bits) {
  // 1.
  const Plan plan = MakePlan(fraction, coefficients, out_width, out_fraction, range_bits);
  const int ring = plan.ring(), degree = plan.degree();
  // 2.
  const Share x = x_narrow.width() < ring ? UpCast(p, x_narrow, ring)
                                          : MapComponents(x_narrow, [&](const Tensor& t) { return Narrow(t, ring); });
  const Shape& shape = x.shape();
  // 3.
  Tensor a, power;
  if (p.is_p0()) power = a = Add(x.l1, x.l2);
  std::vector<Tensor> dealt(degree);
  for (int i = 2; i < degree; ++i) {
    if (p.is_p0()) power = Mul(power, a);
    dealt[i] = p.Deal(power, shape, ring);
  }
  if (p.is_p0()) {
    if (degree > 1) power = Mul(power, a);
    const uint64_t top = static_cast<uint64_t>(plan.integers[degree]);
    power = MulScalar(power, degree % 2 == 0 ? top : ~top + 1);
  }
  Tensor z = DealForTruncation(p, power, shape, plan.shift, plan.out);
  // 4.
  if (!p.is_p0()) {
    if (p.is_p1()) AddTerm(plan, 0, x.m, nullptr, z);
    if (degree > 1) AddTerm(plan, 1, x.m, p.is_p1() ? &x.l1 : &x.l2, z);
    for (int i = 2; i < degree; ++i) AddTerm(plan, i, x.m, &dealt[i], z);
  }
  return OpenTruncated(p, shape, z, plan.shift, plan.out);
}

Cost PolynomialCost(int64_t n, int width, int fraction, const std::vector<double>& coefficients, int out_width,
                    int out_fraction, int range_bits) {
  const Plan plan = MakePlan(fraction, coefficients, out_width, out_fraction, range_bits);
  Cost cost;
  if (width < plan.ring()) cost += UpCastCost(n, width, plan.ring());
  for (int i = 2; i < plan.degree(); ++i) cost += DealCost(n, plan.ring());
  return cost + DealForTruncationCost(n, plan.shift, plan.out) + OpenTruncatedCost(n, plan.out);
}

}  // namespace ditto
