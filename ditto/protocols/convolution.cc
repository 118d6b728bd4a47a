#include "ditto/protocols/convolution.h"

#include <stdexcept>

#include "ditto/protocols/multiply.h"
#include "ditto/ring/layout.h"

namespace ditto {

Shape Conv2dShape(const Shape& input, const Shape& kernel, const std::vector<int64_t>& strides) {
  if (input.size() != 4 || kernel.size() != 4 || strides.size() != 2 || input[3] != kernel[2] || input[1] < kernel[0] ||
      input[2] < kernel[1] || strides[0] < 1 || strides[1] < 1) {
    throw std::invalid_argument("cannot convolve NHWC " + ToString(input) + " with HWIO " + ToString(kernel) +
                                " at strides " + ToString(strides));
  }
  return {input[0], (input[1] - kernel[0]) / strides[0] + 1, (input[2] - kernel[1]) / strides[1] + 1, kernel[3]};
}

Share Conv2d(Party& p, const Share& input, const Share& kernel, const std::vector<int64_t>& strides, int shift,
             int out) {
  const Shape& in = input.shape();
  const Shape& k = kernel.shape();
  const Shape shape = Conv2dShape(in, k, strides);
  // 1.
  const int64_t rows = shape[0] * shape[1] * shape[2], columns = k[0] * k[1] * k[2];
  std::vector<int64_t> indices;
  indices.reserve(rows * columns);
  for (int64_t n = 0; n < shape[0]; ++n) {
    for (int64_t y = 0; y < shape[1]; ++y) {
      for (int64_t x = 0; x < shape[2]; ++x) {
        for (int64_t dy = 0; dy < k[0]; ++dy) {
          for (int64_t dx = 0; dx < k[1]; ++dx) {
            const int64_t at = ((n * in[1] + y * strides[0] + dy) * in[2] + x * strides[1] + dx) * in[3];
            for (int64_t i = 0; i < k[2]; ++i) indices.push_back(at + i);
          }
        }
      }
    }
  }
  const Share patches = MapComponents(input, [&](const Tensor& t) {
    return Take(t, indices.data(), {1, rows, columns});
  });
  // 2.
  const Share matrix = MapComponents(kernel, [&](const Tensor& t) { return t.Reshaped({1, columns, k[3]}); });
  const Share product = MatMul(p, patches, matrix, shift, out);
  return MapComponents(product, [&](const Tensor& t) { return t.Reshaped(shape); });
}

}  // namespace ditto
