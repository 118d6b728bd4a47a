#include "ditto/ring/buffer.h"

#include <cstdlib>
#include <map>
#include <mutex>
#include <new>
#include <vector>

namespace ditto {
namespace {

// A cache line, and the widest vector.
constexpr size_t kAlignment = 64;
// Smaller buffers are left to malloc, which keeps them itself.
constexpr size_t kPooled = size_t{1} << 17;
// What the pool keeps at most. When more comes back, it starts anew, so that sizes out of use do not fill it.
constexpr size_t kKept = size_t{1} << 29;

std::byte* Allocate(size_t bytes) {
  auto* p = static_cast<std::byte*>(std::aligned_alloc(kAlignment, bytes));
  if (p == nullptr) throw std::bad_alloc();
  return p;
}

// Sizes are rounded up to one of eight in every power of two, so that a buffer fits many requests.
size_t RoundedSize(size_t bytes) {
  size_t step = kPooled / 8;
  while (step * 16 <= bytes) step *= 2;
  return (bytes + step - 1) / step * step;
}

class Pool {
 public:
  std::byte* Take(size_t size) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      std::vector<std::byte*>& free = free_[size];
      if (!free.empty()) {
        std::byte* p = free.back();
        free.pop_back();
        kept_ -= size;
        return p;
      }
    }
    return Allocate(size);
  }

  void Return(std::byte* p, size_t size) {
    if (size > kKept) return std::free(p);
    std::lock_guard<std::mutex> lock(mutex_);
    if (kept_ + size > kKept) Empty();
    free_[size].push_back(p);
    kept_ += size;
  }

 private:
  void Empty() {
    for (const auto& [size, buffers] : free_) {
      for (std::byte* p : buffers) std::free(p);
    }
    free_.clear();
    kept_ = 0;
  }

  std::mutex mutex_;
  std::map<size_t, std::vector<std::byte*>> free_;
  size_t kept_ = 0;
};

// Never destroyed: tensors of static lifetime may outlive any other order.
Pool& ThePool() {
  static Pool* pool = new Pool;
  return *pool;
}

}  // namespace

std::shared_ptr<std::byte> AllocateBuffer(size_t bytes) {
  if (bytes < kPooled) {
    return std::shared_ptr<std::byte>(Allocate((bytes / kAlignment + 1) * kAlignment), std::free);
  }
  const size_t size = RoundedSize(bytes);
  return std::shared_ptr<std::byte>(ThePool().Take(size), [size](std::byte* p) { ThePool().Return(p, size); });
}

}  // namespace ditto
