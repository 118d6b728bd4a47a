// How many threads the kernels of this process may use. Results never depend on it.
#pragma once

#include <cstdint>
#include <functional>

namespace ditto {

// Sets the number of threads a kernel call may run on (1 at the start: no thread but the caller's).
// Throws std::invalid_argument unless threads >= 1. Not to be called while kernels run.
void SetThreads(int threads);
int Threads();

namespace internal {
void RunParallel(int64_t n, int64_t grain, const std::function<void(int64_t, int64_t)>& body);
}  // namespace internal

// Calls body(begin, end) for disjoint ranges that cover [0, n), possibly at once; a range has about `grain` indices or
// more. With one thread, or n <= grain, that is the one call body(0, n).
template <class F>
void ParallelFor(int64_t n, int64_t grain, const F& body) {
  if (n <= grain || Threads() == 1) {
    body(int64_t{0}, n);
  } else {
    internal::RunParallel(n, grain, std::cref(body));
  }
}

}  // namespace ditto
