// Of few elements wide ones cost less than the round in which they would be widened.
module {
  func.func @main(%arg0: tensor<4x8x!ring.bit>) -> tensor<4x8x!ring.fxp<32, 8>> attributes {ditto.ranges = array<i64: 0>} {
    // CHECK: ring.bit_to_fxp %arg0 {{.*}} -> tensor<4x8x!ring.fxp<24, 0>>
    %0 = ring.bit_to_fxp %arg0 {range = 1 : i64} : (tensor<4x8x!ring.bit>) -> tensor<4x8x!ring.fxp<32, 0>>
    %1 = ring.shl %0 {bits = 8 : i64, range = 9 : i64} : (tensor<4x8x!ring.fxp<32, 0>>) -> tensor<4x8x!ring.fxp<32, 8>>
    %2 = ring.sum %1 {dims = array<i64: 1>, range = 12 : i64} : (tensor<4x8x!ring.fxp<32, 8>>) -> tensor<4x!ring.fxp<32, 8>>
    // CHECK-NOT: ring.up_cast
    %3 = ring.broadcast %2 {dims = array<i64: 0>, range = 12 : i64} : (tensor<4x!ring.fxp<32, 8>>) -> tensor<4x8x!ring.fxp<32, 8>>
    // CHECK: ring.square
    %4 = ring.square %3 {shift = 8 : i64, range = 15 : i64} : (tensor<4x8x!ring.fxp<32, 8>>) -> tensor<4x8x!ring.fxp<32, 8>>
    return %4 : tensor<4x8x!ring.fxp<32, 8>>
  }
}
