// Matrix products over Z_{2^32} and Z_{2^64}, the words of every ring.
#pragma once

#include <cstdint>
#include <string>

namespace ditto {

// c = a * b, or c += a * b if `accumulate`, for row-major a [m, k], b [k, n], c [m, n] of T = uint32_t or uint64_t,
// for each of `batch` products that follow one another in memory. c overlaps neither operand.
// Runs on up to Threads() threads.
template <class T>
void MatMulBatch(const T* a, const T* b, T* c, int64_t batch, int64_t m, int64_t k, int64_t n, bool accumulate);

// One product. `width`: the ring the words stand for; all of a word is right whatever it is.
template <class T>
void MatMul(const T* a, const T* b, T* c, int64_t m, int64_t k, int64_t n, int /*width*/, bool accumulate) {
  MatMulBatch(a, b, c, 1, m, k, n, accumulate);
}

// The instruction set in use on this machine, by Highway's name for it.
std::string MatMulTarget();

}  // namespace ditto
