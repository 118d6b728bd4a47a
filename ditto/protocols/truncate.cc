#include "ditto/protocols/truncate.h"

#include "ditto/ring/elementwise.h"
#include "ditto/ring/loop.h"

namespace ditto {

Tensor DealForTruncation(Party& p, const Tensor& v, const Shape& shape, int shift, int out) {
  const int keep = shift + out;
  const int drop = shift - GuardBits(shift);
  Tensor v1 = p.Random(Pair::k01, shape, keep);
  if (p.is_p1()) return v1;
  if (p.is_p2()) return ShiftLeft(Widen(p.ReceiveOffline(shape, keep - drop), keep), drop);
  const Tensor narrowed = Narrow(v, keep);
  DispatchRing(keep, [&](auto word) {
    using T = decltype(word);
    const T half = drop > 0 ? T{1} << (drop - 1) : T{0};
    const T* value = narrowed.data<T>();
    T* d = v1.mutable_data<T>();
    ForEach(v1.size(), [=](int64_t i) DITTO_KERNEL { d[i] = value[i] - d[i] + half; });
  });
  p.SendOffline(ShiftRight(v1, drop, 0, keep, keep - drop));
  return Tensor();
}

Tensor TruncateOwnShare(const Party& p, const Tensor& z, int shift, int out) {
  if (p.is_p0()) return Tensor();
  const uint64_t round_up = (uint64_t{1} << shift) - 1;
  return ShiftRight(z, shift, p.is_p2() ? round_up : 0, shift + out, out);
}

Share OpenTruncated(Party& p, const Shape& shape, const Tensor& z, int shift, int out) {
  return p.OpenMasked(shape, out, TruncateOwnShare(p, z, shift, out));
}

}  // namespace ditto
