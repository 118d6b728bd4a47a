// Bytes as tensors: what callers send as masked values, and what they are sent as parts of results.
#include <algorithm>
#include <cstdlib>
#include <vector>

#include "ditto/fuzz/fuzz.h"
#include "ditto/ring/elementwise.h"
#include "ditto/ring/pack.h"
#include "ditto/runtime/session.h"

using namespace ditto;

// Byte 0: the width. Byte 1: the rank, then 8 bytes an extent. Whoever hands bytes to Unpack has compared their number
// with PackedBytes, as is done here.
int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const int width = data[0];
  const size_t rank = data[1] % 5;
  if (size < 2 + 8 * rank) return 0;
  Shape shape(rank);
  for (size_t i = 0; i < 8 * rank; ++i) {
    shape[i / 8] = static_cast<int64_t>(static_cast<uint64_t>(shape[i / 8]) | uint64_t{data[2 + i]} << (8 * (i % 8)));
  }
  data += 2 + 8 * rank;
  size -= 2 + 8 * rank;
  try {
    if (PackedBytes(NumElements(shape), width) != static_cast<int64_t>(size)) return 0;
    const Tensor tensor = Unpack(data, shape, width);
    std::vector<uint8_t> packed(size);
    Pack(tensor, packed.data());
    // All but the unused last bits come back.
    const size_t whole = static_cast<size_t>(tensor.size() * width / 8);
    if (!std::equal(packed.begin(), packed.begin() + whole, data)) std::abort();
    // x + l1 + l2 - (l1 + l2) with made-up masks.
    const Tensor zero = Tensor::Zeros(shape, width);
    const std::vector<int64_t> values = Reconstruct(tensor, zero);
    const Tensor masked = MaskedInput(values.data(), tensor, tensor);
    if (Reconstruct(Sub(masked, tensor), tensor) != values) std::abort();
  } catch (const std::invalid_argument&) {
  }
  return 0;
}
