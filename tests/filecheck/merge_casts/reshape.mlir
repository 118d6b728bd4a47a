// Equal casts on both sides of a reshape are one, in front of it; so is a cast in front of a broadcast.
module {
  func.func @main(%arg0: tensor<4x!ring.fxp<64, 18>>) -> (tensor<4x!ring.fxp<32, 8>>, tensor<2x2x!ring.fxp<32, 8>>, tensor<3x4x!ring.fxp<32, 8>>) {
    // CHECK: ring.down_cast %arg0 {shift = 10 : i64} : (tensor<4x!ring.fxp<64, 18>>)
    // CHECK-NOT: ring.down_cast
    %0 = ring.down_cast %arg0 {shift = 10 : i64} : (tensor<4x!ring.fxp<64, 18>>) -> tensor<4x!ring.fxp<32, 8>>
    %1 = ring.reshape %arg0 : (tensor<4x!ring.fxp<64, 18>>) -> tensor<2x2x!ring.fxp<64, 18>>
    %2 = ring.down_cast %1 {shift = 10 : i64} : (tensor<2x2x!ring.fxp<64, 18>>) -> tensor<2x2x!ring.fxp<32, 8>>
    // CHECK: ring.broadcast {{.*}} : (tensor<4x!ring.fxp<32, 8>>) -> tensor<3x4x!ring.fxp<32, 8>>
    %3 = ring.broadcast %arg0 {dims = array<i64: 1>} : (tensor<4x!ring.fxp<64, 18>>) -> tensor<3x4x!ring.fxp<64, 18>>
    %4 = ring.down_cast %3 {shift = 10 : i64} : (tensor<3x4x!ring.fxp<64, 18>>) -> tensor<3x4x!ring.fxp<32, 8>>
    return %0, %2, %4 : tensor<4x!ring.fxp<32, 8>>, tensor<2x2x!ring.fxp<32, 8>>, tensor<3x4x!ring.fxp<32, 8>>
  }
}
