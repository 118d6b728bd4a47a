#include "ditto/protocols/equality.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "ditto/protocols/bit_products.h"
#include "ditto/protocols/chunk_table.h"
#include "ditto/ring/elementwise.h"

namespace ditto {
namespace {

constexpr size_t kGroup = 4;

std::vector<Share> OpenBits(Party& p, const Shape& shape, const std::vector<Tensor>& parts) {
  std::vector<Opening> openings;
  for (const Tensor& part : parts) openings.push_back({shape, 1, part});
  return p.OpenMasked(openings);
}

}  // namespace

Share EqualZero(Party& p, const Share& x, int bits) {
  if (bits < 1 || bits > x.width()) {
    throw std::invalid_argument("cannot compare " + std::to_string(bits) + " bits of a " + std::to_string(x.width()) +
                                "-bit share with zero");
  }
  const Shape& shape = x.shape();
  const std::vector<int> widths = ChunkWidths(bits);
  // 1.
  const Tensor a = p.is_p0() ? LowBits(Add(x.l1, x.l2), bits) : Tensor();
  const Tensor m = p.is_p0() ? Tensor() : LowBits(x.m, bits);
  const std::vector<Tensor> tables = DealTables(p, a, shape, widths);
  std::vector<Share> wires = OpenBits(p, shape, ReadTables(p, tables, m, widths).eq);
  // 2.
  while (wires.size() > 1) {
    std::vector<Tensor> joined;
    for (size_t g = 0; g < wires.size(); g += kGroup) {
      joined.push_back(AndAll(p, {wires.begin() + g, wires.begin() + std::min(g + kGroup, wires.size())}));
    }
    wires = OpenBits(p, shape, joined);
  }
  return wires[0];
}

Cost EqualZeroCost(int64_t n, int bits) {
  const std::vector<int> widths = ChunkWidths(bits);
  Cost cost = DealTablesCost(n, widths);
  size_t wires = widths.size();
  cost += Cost{0, static_cast<int64_t>(wires) * 2 * PackedBytes(n, 1), 1};
  while (wires > 1) {
    size_t groups = 0;
    for (size_t g = 0; g < wires; g += kGroup, ++groups) {
      cost.offline += PackedBytes(AndAllProducts(static_cast<int>(std::min(kGroup, wires - g))) * n, 1);
    }
    wires = groups;
    cost += Cost{0, static_cast<int64_t>(wires) * 2 * PackedBytes(n, 1), 1};
  }
  return cost;
}

}  // namespace ditto
