// A cast moves through a sum: into the product, and to the argument.
module {
  func.func @main(%arg0: tensor<4x!ring.fxp<64, 18>>, %arg1: tensor<4x!ring.fxp<64, 18>>) -> tensor<4x!ring.fxp<32, 8>> {
    // CHECK: [[PRODUCT:%.*]] = ring.square %arg0 {shift = 28 : i64} : (tensor<4x!ring.fxp<64, 18>>) -> tensor<4x!ring.fxp<32, 8>>
    %0 = ring.square %arg0 {shift = 18 : i64} : (tensor<4x!ring.fxp<64, 18>>) -> tensor<4x!ring.fxp<64, 18>>
    // CHECK: [[ROUNDED:%.*]] = ring.down_cast %arg1 {shift = 10 : i64}
    // CHECK: ring.add [[PRODUCT]], [[ROUNDED]] : {{.*}} -> tensor<4x!ring.fxp<32, 8>>
    %1 = ring.add %0, %arg1 : (tensor<4x!ring.fxp<64, 18>>, tensor<4x!ring.fxp<64, 18>>) -> tensor<4x!ring.fxp<64, 18>>
    %2 = ring.down_cast %1 {shift = 10 : i64} : (tensor<4x!ring.fxp<64, 18>>) -> tensor<4x!ring.fxp<32, 8>>
    return %2 : tensor<4x!ring.fxp<32, 8>>
  }
}
