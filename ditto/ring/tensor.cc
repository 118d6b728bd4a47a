#include "ditto/ring/tensor.h"

#include <cstring>
#include <stdexcept>

#include "ditto/ring/buffer.h"

namespace ditto {

namespace {

constexpr int64_t kMaxElements = int64_t{1} << 40;

}  // namespace

int64_t NumElements(const Shape& shape) {
  int64_t product = 1;
  bool empty = false;
  for (int64_t d : shape) {
    if (d < 0) throw std::invalid_argument("negative dimension in shape " + ToString(shape));
    empty |= d == 0;
    // Strides are products of the others: a dimension of zero makes up for none.
    const int64_t n = d == 0 ? 1 : d;
    if (product > kMaxElements / n) throw std::invalid_argument("the shape " + ToString(shape) + " is too large");
    product *= n;
  }
  return empty ? 0 : product;
}

std::string ToString(const Shape& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

Tensor::Tensor(Shape shape, int width) : shape_(std::move(shape)), width_(width) {
  if (width < 1 || width > kMaxWidth) {
    throw std::invalid_argument("ring width " + std::to_string(width) + " is outside 1..64");
  }
  size_ = NumElements(shape_);
  const size_t bytes = static_cast<size_t>(size_) * WordBytes(width);
  buffer_ = AllocateBuffer(bytes);
}

Tensor Tensor::Zeros(Shape shape, int width) {
  Tensor t(std::move(shape), width);
  std::memset(t.buffer_.get(), 0, static_cast<size_t>(t.size_) * WordBytes(width));
  return t;
}

Tensor Tensor::Reshaped(Shape shape) const {
  if (NumElements(shape) != size_) {
    throw std::invalid_argument("cannot reshape " + ToString(shape_) + " to " + ToString(shape));
  }
  Tensor t = *this;
  t.shape_ = std::move(shape);
  return t;
}

Tensor Tensor::WithWidth(int width) const {
  if (width > width_ || WordBytes(width) != WordBytes(width_)) {
    throw std::invalid_argument("width " + std::to_string(width_) + " cannot be read as " + std::to_string(width));
  }
  Tensor t = *this;
  t.width_ = width;
  return t;
}

}  // namespace ditto
