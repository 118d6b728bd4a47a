// Two-dimensional convolution as a matrix product of patches.
//
// Computes: z[n, y, x, o] = sum over (dy, dx, i) of input[n, y s_y + dy, x s_x + dx, i] * kernel[dy, dx, i, o] /
// 2^shift
//   over Z_{2^out}. Input NHWC, kernel HWIO, no padding (pad before).
// Source: im2col; the product is multiply.h's MatMul.
// Steps:
//   1. All gather the patches of every component: [1, N OH OW, KH KW I].
//   2. MatMul with the kernel as [1, KH KW I, O].
// Sends: MultiplyCost of the RESULT's elements. One round. Range and error: as MatMul.
// Security: as MatMul; gathering is local.
#pragma once

#include "ditto/protocols/party.h"

namespace ditto {

// Throws std::invalid_argument if the shapes do not fit.
Share Conv2d(Party& p, const Share& input, const Share& kernel, const std::vector<int64_t>& strides, int shift,
             int out);
Shape Conv2dShape(const Shape& input, const Shape& kernel, const std::vector<int64_t>& strides);

}  // namespace ditto
