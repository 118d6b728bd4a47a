#include "ditto/ring/elementwise.h"

#include <stdexcept>
#include <string>

#include "ditto/ring/loop.h"
#include "ditto/ring/threads.h"

namespace ditto {
namespace {

// Elements one thread takes at the least: below this, waking a thread costs more than the loop.
constexpr int64_t kGrain = 1 << 16;

[[noreturn]] void Refuse(const char* op, const std::string& what) {
  throw std::invalid_argument(std::string(op) + ": " + what);
}

void CheckPair(const char* op, const Tensor& a, const Tensor& b) {
  if (a.width() != b.width()) {
    Refuse(op, "operand widths " + std::to_string(a.width()) + " and " + std::to_string(b.width()) + " differ");
  }
  if (a.shape() != b.shape()) {
    Refuse(op, "operand shapes " + ToString(a.shape()) + " and " + ToString(b.shape()) + " differ");
  }
}

void CheckBits(const char* op, const Tensor& a) {
  if (a.width() != 1) Refuse(op, "takes bits, but the operand has width " + std::to_string(a.width()));
}

// c[i] = f(a[i], b[i]) in words of one type.
template <class F>
Tensor Binary(const char* op, const Tensor& a, const Tensor& b, F f) {
  CheckPair(op, a, b);
  Tensor c(a.shape(), a.width());
  DispatchWord(a.width(), [&](auto word) {
    using T = decltype(word);
    ParallelFor(a.size(), kGrain, [&](int64_t begin, int64_t end) {
      const T* x = a.data<T>() + begin;
      const T* y = b.data<T>() + begin;
      T* z = c.mutable_data<T>() + begin;
      ForEach(end - begin, [=](int64_t i) DITTO_KERNEL { z[i] = static_cast<T>(f(x[i], y[i])); });
    });
  });
  return c;
}

// c[i] = f(a[i]) in words of one type.
template <class F>
Tensor Map(const Tensor& a, F f) {
  Tensor c(a.shape(), a.width());
  DispatchWord(a.width(), [&](auto word) {
    using T = decltype(word);
    ParallelFor(a.size(), kGrain, [&](int64_t begin, int64_t end) {
      const T* x = a.data<T>() + begin;
      T* z = c.mutable_data<T>() + begin;
      ForEach(end - begin, [=](int64_t i) DITTO_KERNEL { z[i] = f(x[i]); });
    });
  });
  return c;
}

// ((a + add) mod 2^width_in) >> shift, reduced to width_out: right shifts, and every change of word.
Tensor Shift(const Tensor& a, int shift, uint64_t add, int width_in, int width_out) {
  Tensor c(a.shape(), width_out);
  DispatchWord(a.width(), [&](auto in_word) {
    DispatchWord(width_out, [&](auto out_word) {
      using In = decltype(in_word);
      using Out = decltype(out_word);
      const auto term = static_cast<In>(add);
      const auto in_mask = WidthMask<In>(width_in);
      const auto out_mask = WidthMask<Out>(width_out);
      ParallelFor(a.size(), kGrain, [&](int64_t begin, int64_t end) {
        const In* x = a.data<In>() + begin;
        Out* z = c.mutable_data<Out>() + begin;
        ForEach(end - begin, [=](int64_t i) DITTO_KERNEL {
          const auto kept = static_cast<In>((x[i] + term) & in_mask);
          z[i] = static_cast<Out>(static_cast<Out>(kept >> shift) & out_mask);
        });
      });
    });
  });
  return c;
}

}  // namespace

Tensor Add(const Tensor& a, const Tensor& b) {
  return Binary("add", a, b, [](auto x, auto y) DITTO_KERNEL { return sizeof(x) == 1 ? x ^ y : x + y; });
}

Tensor Sub(const Tensor& a, const Tensor& b) {
  return Binary("sub", a, b, [](auto x, auto y) DITTO_KERNEL { return sizeof(x) == 1 ? x ^ y : x - y; });
}

Tensor Mul(const Tensor& a, const Tensor& b) {
  return Binary("mul", a, b, [](auto x, auto y) DITTO_KERNEL { return x * y; });
}

Tensor Neg(const Tensor& a) {
  if (a.width() == 1) return a;
  return Map(a, [](auto x) DITTO_KERNEL { return static_cast<decltype(x)>(-x); });
}

Tensor AddScalar(const Tensor& a, uint64_t scalar) {
  return Map(a, [=](auto x) DITTO_KERNEL {
    using T = decltype(x);
    return static_cast<T>(sizeof(T) == 1 ? x ^ (scalar & 1) : x + static_cast<T>(scalar));
  });
}

Tensor MulScalar(const Tensor& a, uint64_t scalar) {
  return Map(a, [=](auto x) DITTO_KERNEL {
    using T = decltype(x);
    return static_cast<T>(sizeof(T) == 1 ? x & scalar : x * static_cast<T>(scalar));
  });
}

Tensor ShiftLeft(const Tensor& a, int bits) {
  if (bits < 0 || bits >= a.width()) {
    Refuse("shift left", std::to_string(bits) + " bits in a ring of width " + std::to_string(a.width()));
  }
  return Map(a, [=](auto x) DITTO_KERNEL { return static_cast<decltype(x)>(x << bits); });
}

Tensor ShiftRight(const Tensor& a, int shift, uint64_t add, int width_in, int width_out) {
  if (width_in < 2 || width_in > a.width()) {
    Refuse("shift right", "width " + std::to_string(a.width()) + " cannot be read as " + std::to_string(width_in));
  }
  if (shift < 0 || shift >= width_in) {
    Refuse("shift right", std::to_string(shift) + " bits of a value of width " + std::to_string(width_in));
  }
  return Shift(a, shift, add, width_in, width_out);
}

Tensor Narrow(const Tensor& a, int width) {
  if (width > a.width()) {
    Refuse("narrow", "from width " + std::to_string(a.width()) + " to " + std::to_string(width));
  }
  if (WordBytes(width) == WordBytes(a.width())) return a.WithWidth(width);
  return Shift(a, 0, 0, a.width(), width);
}

Tensor Widen(const Tensor& a, int width) {
  if (width < a.width()) {
    Refuse("widen", "from width " + std::to_string(a.width()) + " to " + std::to_string(width));
  }
  return Shift(a, 0, 0, a.width(), width);
}

Tensor Xor(const Tensor& a, const Tensor& b) {
  CheckBits("xor", a);
  return Add(a, b);
}

Tensor And(const Tensor& a, const Tensor& b) {
  CheckBits("and", a);
  return Mul(a, b);
}

Tensor Not(const Tensor& a) {
  CheckBits("not", a);
  return AddScalar(a, 1);
}

std::vector<int64_t> SignExtend(const Tensor& a) {
  std::vector<int64_t> values(static_cast<size_t>(a.size()));
  int64_t* out = values.data();
  // A bit is its own value; a ring element's sign bit is moved to the top and back.
  const int drop = a.width() == 1 ? 0 : 64 - a.width();
  DispatchWord(a.width(), [&](auto word) {
    const auto* x = a.data<decltype(word)>();
    ForEach(a.size(), [=](int64_t i)
                          DITTO_KERNEL { out[i] = static_cast<int64_t>(static_cast<uint64_t>(x[i]) << drop) >> drop; });
  });
  return values;
}

Tensor FromSigned(const int64_t* values, const Shape& shape, int width) {
  Tensor t(shape, width);
  DispatchWord(width, [&](auto word) {
    using T = decltype(word);
    T* out = t.mutable_data<T>();
    const T mask = WidthMask<T>(width);
    ForEach(t.size(), [=](int64_t i) DITTO_KERNEL { out[i] = static_cast<T>(values[i]) & mask; });
  });
  return t;
}

}  // namespace ditto
