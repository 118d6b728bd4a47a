// Matrix products over rings.
#pragma once

#include <cstdint>
#include <string>

namespace ditto {

// c = a * b, or c += a * b if `accumulate`, for row-major a [m, k], b [k, n], c [m, n] of T = uint32_t or uint64_t,
// for each of `batch` products that follow one another in memory. c overlaps neither operand. Only the low `width`
// bits of operands and results mean anything: up to 52, a faster multiplication may do. Runs on up to Threads()
// threads.
template <class T>
void MatMulBatch(const T* a, const T* b, T* c, int64_t batch, int64_t m, int64_t k, int64_t n, bool accumulate,
                 int width = 8 * sizeof(T));

// The instruction set in use on this machine, by Highway's name for it.
std::string MatMulTarget();

}  // namespace ditto
