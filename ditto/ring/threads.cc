#include "ditto/ring/threads.h"

#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace ditto {
namespace {

int g_threads = 1;
std::unique_ptr<tbb::global_control> g_limit;

}  // namespace

void SetThreads(int threads) {
  if (threads < 1) throw std::invalid_argument("the number of threads is " + std::to_string(threads) + ", not >= 1");
  g_limit.reset();
  if (threads > 1) {
    g_limit = std::make_unique<tbb::global_control>(tbb::global_control::max_allowed_parallelism, threads);
  }
  g_threads = threads;
}

int Threads() { return g_threads; }

namespace internal {

void RunParallel(int64_t n, int64_t grain, const std::function<void(int64_t, int64_t)>& body) {
  tbb::parallel_for(tbb::blocked_range<int64_t>(0, n, static_cast<size_t>(grain)),
                    [&](const tbb::blocked_range<int64_t>& range) { body(range.begin(), range.end()); });
}

}  // namespace internal
}  // namespace ditto
