// Speed of the matrix products: G multiply-accumulates a second for each kernel and shape, median of seven runs.
// Usage: matmul_bench [threads]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "ditto/ring/matmul.h"
#include "ditto/ring/threads.h"

namespace ditto {
namespace {

struct Case {
  int64_t batch, m, k, n;
};

// The linear layers of BERT-base, its attention, then products with few rows, columns or both.
constexpr Case kCases[] = {{1, 768, 768, 3072}, {1, 128, 768, 768},    {1, 128, 768, 3072}, {1, 128, 3072, 768},
                           {12, 128, 64, 128},  {12, 128, 128, 64},    {1, 1, 768, 768},    {1, 4, 768, 3072},
                           {1, 128, 768, 2},    {1, 1024, 1024, 1024}, {1536, 1, 64, 1},    {1, 8, 768, 3072},
                           {1, 12, 768, 3072},  {1, 16, 768, 3072},    {1, 32, 768, 3072}};

template <class T>
double Speed(const Case& c, int width) {
  std::vector<T> a(c.batch * c.m * c.k, 3), b(c.batch * c.k * c.n, 5), out(c.batch * c.m * c.n, 7);
  const double work = static_cast<double>(c.batch * c.m * c.n) * static_cast<double>(c.k);
  const int repeats = static_cast<int>(1 + 2e8 / work);
  std::vector<double> seconds;
  for (int run = 0; run < 7; ++run) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < repeats; ++i) {
      MatMulBatch(a.data(), b.data(), out.data(), c.batch, c.m, c.k, c.n, /*accumulate=*/false, width);
    }
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::nth_element(seconds.begin(), seconds.begin() + 3, seconds.end());
  return repeats * work / seconds[3] / 1e9;
}

}  // namespace
}  // namespace ditto

int main(int argc, char** argv) {
  if (argc > 1) ditto::SetThreads(std::atoi(argv[1]));
  std::printf("%s, %d threads, G MAC/s\n%26s %8s %8s %8s\n", ditto::MatMulTarget().c_str(), ditto::Threads(),
              "batch x m x k x n", "u32", "52 bits", "u64");
  for (const ditto::Case& c : ditto::kCases) {
    std::printf("%5ld x %4ld x %4ld x %4ld %8.1f %8.1f %8.1f\n", static_cast<long>(c.batch), static_cast<long>(c.m),
                static_cast<long>(c.k), static_cast<long>(c.n), ditto::Speed<uint32_t>(c, 32),
                ditto::Speed<uint64_t>(c, 52), ditto::Speed<uint64_t>(c, 64));
  }
}
