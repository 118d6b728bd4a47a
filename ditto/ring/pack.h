// Tensors as they travel: every element in `width` bits, one after another.
//
// Element i takes bits [i * width, (i + 1) * width) of the message, least significant first; bit j of the message is
// bit j % 8 of byte j / 8. The unused last bits are zero. A message of n elements has (n * width + 7) / 8 bytes.
#pragma once

#include <cstdint>

#include "ditto/ring/tensor.h"

namespace ditto {

// Writes (t.size() * t.width() + 7) / 8 bytes.
void Pack(const Tensor& t, uint8_t* out);

// Reads as many bytes as Pack writes. The elements are below 2^width; the unused last bits are ignored.
// Throws std::invalid_argument on a bad shape or width, as Tensor does.
Tensor Unpack(const uint8_t* in, const Shape& shape, int width);

}  // namespace ditto
