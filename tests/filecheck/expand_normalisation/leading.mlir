// Rows along the first dimension: moved to the end, and what comes out is moved back.
module {
  func.func @main(%arg0: tensor<8x4x!ring.fxp<64, 14>>) -> tensor<8x4x!ring.fxp<64, 14>> attributes {ditto.argument_bounds = array<f64: 4.0>} {
    // CHECK: ring.transpose %arg0 {perm = array<i64: 1, 0>} : {{.*}} -> tensor<4x8x!ring.fxp<64, 14>>
    // CHECK: ring.rsqrt {{.*}} (tensor<4x!ring.fxp
    // CHECK: [[BACK:%.*]] = ring.transpose {{.*}} {perm = array<i64: 1, 0>} : {{.*}} -> tensor<8x4x!ring.fxp<64, 14>>
    // CHECK: return [[BACK]]
    %0 = ring.normalise %arg0 {dims = array<i64: 0>, eps = 1.0e-05 : f64} : (tensor<8x4x!ring.fxp<64, 14>>) -> tensor<8x4x!ring.fxp<64, 14>>
    return %0 : tensor<8x4x!ring.fxp<64, 14>>
  }
}
