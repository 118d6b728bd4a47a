// Rows of eight at the fraction of x. The sums are exact; the root is taken once a row, and a row that is constant gives
// zero, for d = 8 x - sum(x) is exact.
module {
  func.func @main(%arg0: tensor<4x8x!ring.fxp<64, 14>>) -> tensor<4x8x!ring.fxp<64, 14>> attributes {ditto.argument_bounds = array<f64: 4.0>} {
    // CHECK: [[SQUARES:%.*]] = ring.matmul {{.*}} {shift = 0 : i64{{.*}} (tensor<4x1x8x!ring.fxp<64, 14>>, tensor<4x8x1x!ring.fxp<64, 14>>) -> tensor<4x1x1x!ring.fxp<64, 28>>
    // CHECK: [[ROW:%.*]] = ring.reshape [[SQUARES]]
    // CHECK: ring.constant dense<8>
    // CHECK: [[SCALED:%.*]] = ring.mul_public [[ROW]], {{.*}} {shift = 0 : i64
    // CHECK: [[TOTAL:%.*]] = ring.sum
    // CHECK: [[SQUARE:%.*]] = ring.square [[TOTAL]] {shift = 0 : i64
    // CHECK: [[DIFFERENCE:%.*]] = ring.sub [[SCALED]], [[SQUARE]]
    // CHECK: ring.relabel [[DIFFERENCE]] {{.*}} -> tensor<4x!ring.fxp<64, 34>>
    // CHECK: ring.rsqrt {{.*}} (tensor<4x!ring.fxp
    // CHECK: [[EIGHT:%.*]] = ring.mul_public {{.*}} {shift = 0 : i64} : (tensor<4x8x!ring.fxp<64, 14>>
    // CHECK: [[CENTRED:%.*]] = ring.sub [[EIGHT]]
    // CHECK: ring.mul [[CENTRED]]
    // CHECK-NOT: ring.normalise
    %0 = ring.normalise %arg0 {dims = array<i64: 1>, eps = 1.0e-05 : f64} : (tensor<4x8x!ring.fxp<64, 14>>) -> tensor<4x8x!ring.fxp<64, 14>>
    return %0 : tensor<4x8x!ring.fxp<64, 14>>
  }
}
