// Dense tensors over Z_{2^w}, w = 1..64.
//
// A tensor of width 1 holds bits, one per byte (0 or 1). Widths 2..32 live in uint32 words, widths 33..64 in uint64.
// Only the low `width` bits of a word mean anything; whatever stands above them is ignored, so ring arithmetic needs
// no masking. Whoever looks at the value itself (packing, shifting right, comparing) masks first. Bits are always 0/1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace ditto {

using Shape = std::vector<int64_t>;

// Throws std::invalid_argument on a negative dimension, and on more elements than 2^40: what is computed of a size, in
// bits, bytes or strides, has room in 64 bits.
int64_t NumElements(const Shape& shape);
std::string ToString(const Shape& shape);

inline constexpr int kMaxWidth = 64;

// Bytes of the word that holds an element of this width: 1, 4 or 8.
constexpr int WordBytes(int width) { return width == 1 ? 1 : width <= 32 ? 4 : 8; }

// The low `width` bits set.
template <class T>
constexpr T WidthMask(int width) {
  return width >= static_cast<int>(8 * sizeof(T)) ? static_cast<T>(~T{0}) : static_cast<T>((T{1} << width) - 1);
}

class Tensor {
 public:
  // A tensor that this party does not hold.
  Tensor() = default;
  // Uninitialised elements. Throws std::invalid_argument as NumElements, and on a width outside 1..64.
  Tensor(Shape shape, int width);
  static Tensor Zeros(Shape shape, int width);

  bool held() const { return buffer_ != nullptr; }
  const Shape& shape() const { return shape_; }
  int width() const { return width_; }
  int64_t size() const { return size_; }

  // T is uint8_t, uint32_t or uint64_t, as WordBytes(width()) says.
  template <class T>
  const T* data() const {
    return reinterpret_cast<const T*>(buffer_.get());
  }
  template <class T>
  T* mutable_data() {
    return reinterpret_cast<T*>(buffer_.get());
  }

  // The same elements under another shape of equal size. The buffer is shared: tensors are values and are written
  // only by the code that made them.
  Tensor Reshaped(Shape shape) const;
  // The same words, read as a narrower ring of the same word size.
  Tensor WithWidth(int width) const;

 private:
  Shape shape_;
  int width_ = 0;
  int64_t size_ = 0;
  std::shared_ptr<std::byte> buffer_;
};

// Calls f(uint8_t{}), f(uint32_t{}) or f(uint64_t{}): the word type of `width`.
template <class F>
decltype(auto) DispatchWord(int width, F&& f) {
  switch (WordBytes(width)) {
    case 1:
      return f(uint8_t{});
    case 4:
      return f(uint32_t{});
    default:
      return f(uint64_t{});
  }
}

// The same for arithmetic rings, widths 2..64.
template <class F>
decltype(auto) DispatchRing(int width, F&& f) {
  if (width <= 32) return f(uint32_t{});
  return f(uint64_t{});
}

}  // namespace ditto
