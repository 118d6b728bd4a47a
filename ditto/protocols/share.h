// Masked replicated sharing: x = m - l1 - l2 over Z_{2^w}; for bits (w = 1), x = m ^ l1 ^ l2.
//
//   P0 (the helper) holds l1, l2.   P1 holds m, l1.   P2 holds m, l2.
//
// This is replicated secret sharing with the shares (m, -l1, -l2): any two parties know x, one alone knows nothing.
#pragma once

#include <utility>

#include "ditto/ring/tensor.h"

namespace ditto {

// One party's view of a shared tensor. The component it does not hold is an empty Tensor (held() is false).
struct Share {
  Tensor m;
  Tensor l1;
  Tensor l2;

  const Tensor& any() const { return l1.held() ? l1 : l2; }
  const Shape& shape() const { return any().shape(); }
  int width() const { return any().width(); }
  int64_t size() const { return any().size(); }
};

// Applies a local linear map to every component the party holds.
template <class F>
Share MapComponents(const Share& x, F&& f) {
  Share r;
  if (x.m.held()) r.m = f(x.m);
  if (x.l1.held()) r.l1 = f(x.l1);
  if (x.l2.held()) r.l2 = f(x.l2);
  return r;
}

template <class F>
Share MapComponents(const Share& x, const Share& y, F&& f) {
  Share r;
  if (x.m.held()) r.m = f(x.m, y.m);
  if (x.l1.held()) r.l1 = f(x.l1, y.l1);
  if (x.l2.held()) r.l2 = f(x.l2, y.l2);
  return r;
}

}  // namespace ditto
