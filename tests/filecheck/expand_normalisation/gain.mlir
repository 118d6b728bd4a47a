// A gain that is an argument is multiplied with 8 x - sum(x) before the root is known: one product follows the root.
module {
  func.func @main(%arg0: tensor<4x8x!ring.fxp<64, 14>>, %arg1: tensor<8x!ring.fxp<64, 14>>) -> tensor<1x4x8x!ring.fxp<64, 12>> attributes {ditto.argument_bounds = array<f64: 4.0, 2.0>} {
    // CHECK: [[ROOT:%.*]] = ring.rsqrt
    // CHECK: [[INVERSE:%.*]] = ring.relabel [[ROOT]]
    // CHECK: [[CENTRED:%.*]] = ring.sub
    // CHECK: [[GAINED:%.*]] = ring.mul [[CENTRED]], {{.*}} {shift = {{.*}} (tensor<4x8x!ring.fxp<64, 14>>, tensor<4x8x!ring.fxp<64, 14>>)
    // CHECK: [[REPEATED:%.*]] = ring.broadcast [[INVERSE]]
    // CHECK: ring.mul [[GAINED]], [[REPEATED]] {{.*}} -> tensor<4x8x!ring.fxp<64, 12>>
    // CHECK-NOT: ring.mul
    // CHECK-NOT: ring.normalise
    %0 = ring.normalise %arg0 {dims = array<i64: 1>, eps = 1.0e-05 : f64} : (tensor<4x8x!ring.fxp<64, 14>>) -> tensor<4x8x!ring.fxp<64, 14>>
    %1 = ring.reshape %0 : (tensor<4x8x!ring.fxp<64, 14>>) -> tensor<1x4x8x!ring.fxp<64, 14>>
    %2 = ring.broadcast %arg1 {dims = array<i64: 2>} : (tensor<8x!ring.fxp<64, 14>>) -> tensor<1x4x8x!ring.fxp<64, 14>>
    %3 = ring.mul %1, %2 {shift = 16 : i64} : (tensor<1x4x8x!ring.fxp<64, 14>>, tensor<1x4x8x!ring.fxp<64, 14>>) -> tensor<1x4x8x!ring.fxp<64, 12>>
    return %3 : tensor<1x4x8x!ring.fxp<64, 12>>
  }
}
