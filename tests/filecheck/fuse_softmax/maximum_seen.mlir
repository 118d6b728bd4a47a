// A maximum that is also a result stays exact.
module {
  func.func @main(%arg0: tensor<4x128x!ring.fxp<32, 8>>) -> (tensor<4x128x!ring.fxp<32, 14>>, tensor<4x!ring.fxp<32, 8>>) {
    // CHECK: ring.max %arg0 {axis = 1 : i64, bits = 32 : i64, drop = 0 : i64}
    %0 = ring.max %arg0 {axis = 1 : i64, bits = 32 : i64, drop = 0 : i64} : (tensor<4x128x!ring.fxp<32, 8>>) -> tensor<4x!ring.fxp<32, 8>>
    %1 = ring.broadcast %0 {dims = array<i64: 0>} : (tensor<4x!ring.fxp<32, 8>>) -> tensor<4x128x!ring.fxp<32, 8>>
    %2 = ring.sub %arg0, %1 {row = 128 : i64} : (tensor<4x128x!ring.fxp<32, 8>>, tensor<4x128x!ring.fxp<32, 8>>) -> tensor<4x128x!ring.fxp<32, 8>>
    %3 = ring.exp %2 {slack = 128 : i64, clip_bits = 32 : i64} : (tensor<4x128x!ring.fxp<32, 8>>) -> tensor<4x128x!ring.fxp<32, 14>>
    return %3, %0 : tensor<4x128x!ring.fxp<32, 14>>, tensor<4x!ring.fxp<32, 8>>
  }
}
