#include "ditto/protocols/chunk_table.h"

#include <stdexcept>

#include "ditto/ring/elementwise.h"
#include "ditto/ring/loop.h"

namespace ditto {
namespace {

constexpr int TableBits(int chunk_width) { return (1 << chunk_width) - 1; }

}  // namespace

std::vector<int> ChunkWidths(int n, int count) {
  if (n < 1 || count < 1) throw std::invalid_argument("there are no bits to compare: more are dropped than there are");
  std::vector<int> widths(count, n / count);
  for (int i = 0; i < n % count; ++i) ++widths[i];
  for (int& w : widths) w = w < 2 ? 2 : w;
  return widths;
}

std::vector<int> ChunkWidths(int n) { return ChunkWidths(n, (n + 3) / 4); }

Tensor LowBits(const Tensor& t, int n) { return Widen(Narrow(t, n), n <= 32 ? 32 : kMaxWidth); }

std::vector<Tensor> DealTables(Party& p, const Tensor& a, const Shape& shape, const std::vector<int>& widths) {
  std::vector<Tensor> tables;
  int low = 0;
  for (int width : widths) {
    Tensor table = p.is_p2() ? p.ReceiveOffline(shape, TableBits(width)) : p.Random(Pair::k01, shape, TableBits(width));
    if (p.is_p0()) {
      DispatchRing(a.width(), [&](auto word) {
        using T = decltype(word);
        const T* pa = a.data<T>();
        uint32_t* t = table.mutable_data<uint32_t>();
        const T mask = WidthMask<T>(width);
        const int shift = low;
        ForEach(table.size(), [=](int64_t i) DITTO_KERNEL {
          t[i] ^= (uint32_t{1} << static_cast<uint32_t>(pa[i] >> shift & mask)) - 1;
        });
      });
      p.SendOffline(table);
      table = Tensor();
    }
    tables.push_back(std::move(table));
    low += width;
  }
  return tables;
}

Cost DealTablesCost(int64_t elements, const std::vector<int>& widths) {
  Cost cost;
  for (int width : widths) cost += DealCost(elements, TableBits(width));
  return cost;
}

ChunkParts ReadTables(const Party& p, const std::vector<Tensor>& tables, const Tensor& m,
                      const std::vector<int>& widths) {
  ChunkParts parts;
  int low = 0;
  for (size_t j = 0; j < widths.size(); ++j) {
    parts.lt.emplace_back();
    parts.eq.emplace_back();
    if (p.is_p0()) continue;
    parts.lt[j] = Tensor(m.shape(), 1);
    parts.eq[j] = Tensor(m.shape(), 1);
    DispatchRing(m.width(), [&](auto word) {
      using T = decltype(word);
      const T* pm = m.data<T>();
      const uint32_t* t = tables[j].data<uint32_t>();
      uint8_t* lt = parts.lt[j].mutable_data<uint8_t>();
      uint8_t* eq = parts.eq[j].mutable_data<uint8_t>();
      const uint32_t before = p.is_p1() ? 1 : 0;
      const uint32_t table_mask = WidthMask<uint32_t>(TableBits(widths[j]));
      const T mask = WidthMask<T>(widths[j]);
      const int shift = low;
      ForEach(m.size(), [=](int64_t i) DITTO_KERNEL {
        const uint32_t at = static_cast<uint32_t>(pm[i] >> shift & mask);
        const uint32_t table = t[i] & table_mask;
        lt[i] = static_cast<uint8_t>(table >> at & 1);
        eq[i] = static_cast<uint8_t>((table ^ (table << 1 | before)) >> at & 1);
      });
    });
    low += widths[j];
  }
  return parts;
}

}  // namespace ditto
