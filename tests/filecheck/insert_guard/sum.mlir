// A sum that need not fit the ring: it is added up again of what is added without its low bits.
module {
  func.func @main(%arg0: tensor<8192x!ring.fxp<64, 18>>) -> tensor<!ring.fxp<64, 18>> attributes {ditto.ranges = array<i64: 52>} {
    // CHECK: [[SUM:%.*]] = ring.sum %arg0
    // CHECK: [[WHOLE:%.*]] = ring.relabel %arg0
    // CHECK: [[HIGH:%.*]] = ring.down_cast [[WHOLE]] {range = 48 : i64, shift = 5 : i64}
    // CHECK: [[AGAIN:%.*]] = ring.sum [[HIGH]] {range = 61 : i64, dims = array<i64: 0>}
    // CHECK: ring.add_public [[AGAIN]]
    // CHECK: ring.require_false
    // CHECK: ring.require_false
    // CHECK: return [[SUM]]
    %0 = ring.sum %arg0 {dims = array<i64: 0>, claim = 1.4e+14 : f64, range = 61 : i64} : (tensor<8192x!ring.fxp<64, 18>>) -> tensor<!ring.fxp<64, 18>>
    return %0 : tensor<!ring.fxp<64, 18>>
  }
}
