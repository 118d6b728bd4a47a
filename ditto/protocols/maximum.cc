#include "ditto/protocols/maximum.h"

#include <numeric>
#include <stdexcept>
#include <string>

#include "ditto/protocols/bits.h"
#include "ditto/protocols/compare.h"
#include "ditto/protocols/linear.h"
#include "ditto/ring/elementwise.h"
#include "ditto/ring/layout.h"

namespace ditto {
namespace {

void CheckAxis(const Shape& shape, int64_t axis) {
  if (axis < 0 || axis >= static_cast<int64_t>(shape.size()) || shape[axis] < 1) {
    throw std::invalid_argument("no maximum along axis " + std::to_string(axis) + " of shape " + ToString(shape));
  }
}

// The axis in front, all else in one row: [n, rest].
Share AxisFirst(const Share& x, int64_t axis) {
  const Shape& shape = x.shape();
  Dims perm = {axis};
  for (int64_t d = 0; d < static_cast<int64_t>(shape.size()); ++d) {
    if (d != axis) perm.push_back(d);
  }
  const int64_t rest = shape[axis] == 0 ? 0 : x.size() / shape[axis];
  return MapComponents(x, [&](const Tensor& t) { return Transpose(t, perm).Reshaped({shape[axis], rest}); });
}

Shape WithoutAxis(const Shape& shape, int64_t axis) {
  Shape rest = shape;
  rest.erase(rest.begin() + axis);
  return rest;
}

// Rows first, first + 2, ... below limit.
Share EveryOther(const Share& x, int64_t first, int64_t limit) {
  const int64_t columns = x.shape()[1];
  return MapComponents(x, [&](const Tensor& t) { return Slice(t, {first, 0}, {limit, columns}, {2, 1}); });
}

// The odd row out joins the winners of its level.
Share WithLastRow(const Share& winners, const Share& level) {
  const int64_t rows = level.shape()[0], columns = level.shape()[1];
  if (rows % 2 == 0) return winners;
  return MapComponents(winners, level, [&](const Tensor& w, const Tensor& all) {
    return Concat({w, Slice(all, {rows - 1, 0}, {rows, columns}, {1, 1})}, 0);
  });
}

}  // namespace

Share MaxAlong(Party& p, const Share& x, int64_t axis, int bits, int drop) {
  CheckAxis(x.shape(), axis);
  Share level = AxisFirst(x, axis);
  while (level.shape()[0] > 1) {
    const int64_t even = level.shape()[0] / 2 * 2;
    const Share left = EveryOther(level, 0, even), right = EveryOther(level, 1, even);
    // 1.
    const Share gain = SubShares(right, left);
    const Share right_wins = Msb(p, NegShare(gain), bits, drop);
    // 2.
    level = WithLastRow(AddShares(left, BitTimes(p, right_wins, gain)), level);
  }
  const Shape shape = WithoutAxis(x.shape(), axis);
  return MapComponents(level, [&](const Tensor& t) { return t.Reshaped(shape); });
}

Share ArgMaxAlong(Party& p, const Share& x, int64_t axis, int bits, int index_width) {
  CheckAxis(x.shape(), axis);
  Share level = AxisFirst(x, axis);
  const int64_t n = level.shape()[0], columns = level.shape()[1];
  std::vector<int64_t> rows(n);
  std::iota(rows.begin(), rows.end(), 0);
  Share index = PublicShare(p, Broadcast(FromSigned(rows.data(), {n}, index_width), {n, columns}, {0}));
  while (level.shape()[0] > 1) {
    const int64_t even = level.shape()[0] / 2 * 2;
    const Share left = EveryOther(level, 0, even), left_index = EveryOther(index, 0, even);
    // 1.
    const Share gain = SubShares(EveryOther(level, 1, even), left);
    const Share index_gain = SubShares(EveryOther(index, 1, even), left_index);
    const Share right_wins = Msb(p, NegShare(gain), bits, 0);
    // 2.
    const Tensor z = BitTimesParts(p, right_wins, gain), z_index = BitTimesParts(p, right_wins, index_gain);
    const std::vector<Share> moved =
        p.OpenMasked({{gain.shape(), gain.width(), z}, {gain.shape(), index_width, z_index}});
    level = WithLastRow(AddShares(left, moved[0]), level);
    index = WithLastRow(AddShares(left_index, moved[1]), index);
  }
  const Shape shape = WithoutAxis(x.shape(), axis);
  return MapComponents(index, [&](const Tensor& t) { return t.Reshaped(shape); });
}

Cost MaxCost(const Shape& shape, int64_t axis, int width, int bits, int drop) {
  Cost cost;
  const int64_t columns = NumElements(WithoutAxis(shape, axis));
  for (int64_t rows = shape[axis]; rows > 1; rows = (rows + 1) / 2) {
    const int64_t n = rows / 2 * columns;
    cost += CompareCost(n, bits, drop, 1) + BitTimesCost(n, width);
  }
  return cost;
}

Cost ArgMaxCost(const Shape& shape, int64_t axis, int width, int bits, int index_width) {
  Cost cost;
  const int64_t columns = NumElements(WithoutAxis(shape, axis));
  for (int64_t rows = shape[axis]; rows > 1; rows = (rows + 1) / 2) {
    const int64_t n = rows / 2 * columns;
    cost += CompareCost(n, bits, 0, 1) + Together(BitTimesCost(n, width), BitTimesCost(n, index_width));
  }
  return cost;
}

}  // namespace ditto
