// One cast per border.
module {
  func.func @main(%arg0: tensor<4x!ring.fxp<32, 8>>, %arg1: tensor<4x!ring.fxp<64, 18>>) -> (tensor<4x!ring.fxp<64, 8>>, tensor<4x!ring.fxp<32, 8>>) {
    // CHECK: ring.up_cast %arg0 : (tensor<4x!ring.fxp<32, 8>>) -> tensor<4x!ring.fxp<64, 8>>
    %0 = ring.convert %arg0 : (tensor<4x!ring.fxp<32, 8>>) -> tensor<4x!ring.fxp<64, 8>>
    // CHECK: ring.down_cast %arg1 {shift = 10 : i64} : (tensor<4x!ring.fxp<64, 18>>) -> tensor<4x!ring.fxp<32, 8>>
    %1 = ring.convert %arg1 : (tensor<4x!ring.fxp<64, 18>>) -> tensor<4x!ring.fxp<32, 8>>
    // CHECK-NOT: ring.convert
    return %0, %1 : tensor<4x!ring.fxp<64, 8>>, tensor<4x!ring.fxp<32, 8>>
  }
}
