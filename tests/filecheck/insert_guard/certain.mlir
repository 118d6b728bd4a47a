// A small product is checked for certain: beside it a coarse one that fits 64 bits, at most 2^36 / 2^31 = 32 units less
// three of rounding, from both sides. The product itself stays as it is.
module {
  func.func @main(%arg0: tensor<1x4x8x!ring.fxp<32, 8>>, %arg1: tensor<1x8x4x!ring.fxp<32, 12>>) -> tensor<1x4x4x!ring.fxp<32, 8>> attributes {ditto.ranges = array<i64: 24, 24>} {
    // CHECK: [[PRODUCT:%.*]] = ring.matmul %arg0, %arg1 {shift = 12 : i64
    %0 = ring.matmul %arg0, %arg1 {shift = 12 : i64, claim = 2.147483648e+9 : f64, range = 24 : i64} : (tensor<1x4x8x!ring.fxp<32, 8>>, tensor<1x8x4x!ring.fxp<32, 12>>) -> tensor<1x4x4x!ring.fxp<32, 8>>
    // CHECK: [[COARSE:%.*]] = ring.matmul {{.*}} {range = 21 : i64, shift = 31 : i64}
    // CHECK: [[LIMIT:%.*]] = ring.constant dense<29>
    // CHECK: ring.add_public [[COARSE]], [[LIMIT]]
    // CHECK: [[MINUS:%.*]] = ring.neg [[COARSE]]
    // CHECK: ring.add_public [[MINUS]], [[LIMIT]]
    // CHECK: ring.msb {{.*}} {bits = 22 : i64, drop = 0 : i64}
    // CHECK: ring.require_false
    // CHECK: ring.msb {{.*}} {bits = 22 : i64, drop = 0 : i64}
    // CHECK: ring.require_false
    // CHECK-NOT: ring.require_range
    // CHECK: ring.gelu [[PRODUCT]]
    %1 = ring.gelu %0 {bits = 26 : i64, range = 24 : i64} : (tensor<1x4x4x!ring.fxp<32, 8>>) -> tensor<1x4x4x!ring.fxp<32, 8>>
    return %1 : tensor<1x4x4x!ring.fxp<32, 8>>
  }
}
