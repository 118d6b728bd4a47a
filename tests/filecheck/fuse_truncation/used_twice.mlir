// Somebody else needs the finer value: nothing moves.
module {
  func.func @main(%arg0: tensor<4x!ring.fxp<64, 18>>) -> (tensor<4x!ring.fxp<64, 18>>, tensor<4x!ring.fxp<32, 8>>) {
    // CHECK: ring.square %arg0 {shift = 18 : i64}
    %0 = ring.square %arg0 {shift = 18 : i64} : (tensor<4x!ring.fxp<64, 18>>) -> tensor<4x!ring.fxp<64, 18>>
    // CHECK: ring.down_cast %0 {shift = 10 : i64}
    %1 = ring.down_cast %0 {shift = 10 : i64} : (tensor<4x!ring.fxp<64, 18>>) -> tensor<4x!ring.fxp<32, 8>>
    return %0, %1 : tensor<4x!ring.fxp<64, 18>>, tensor<4x!ring.fxp<32, 8>>
  }
}
