// Only cast: shared in the smaller ring. Cast in two ways: in the finer one. Also used as it is: as it is.
module {
  // CHECK: func.func @main(%arg0: tensor<4x!ring.fxp<32, 12>>, %arg1: tensor<4x!ring.fxp<32, 12>>, %arg2: tensor<4x!ring.fxp<64, 18>>)
  func.func @main(%arg0: tensor<4x!ring.fxp<64, 18>>, %arg1: tensor<4x!ring.fxp<64, 18>>, %arg2: tensor<4x!ring.fxp<64, 18>>) -> (tensor<4x!ring.fxp<32, 12>>, tensor<4x!ring.fxp<32, 12>>, tensor<4x!ring.fxp<32, 8>>, tensor<4x!ring.fxp<32, 8>>, tensor<4x!ring.fxp<64, 18>>) {
    %0 = ring.down_cast %arg0 {shift = 6 : i64} : (tensor<4x!ring.fxp<64, 18>>) -> tensor<4x!ring.fxp<32, 12>>
    %1 = ring.down_cast %arg1 {shift = 6 : i64} : (tensor<4x!ring.fxp<64, 18>>) -> tensor<4x!ring.fxp<32, 12>>
    // CHECK: %0 = ring.down_cast %arg1 {shift = 4 : i64} : (tensor<4x!ring.fxp<32, 12>>) -> tensor<4x!ring.fxp<32, 8>>
    %2 = ring.down_cast %arg1 {shift = 10 : i64} : (tensor<4x!ring.fxp<64, 18>>) -> tensor<4x!ring.fxp<32, 8>>
    // CHECK: %1 = ring.down_cast %arg2 {shift = 10 : i64}
    %3 = ring.down_cast %arg2 {shift = 10 : i64} : (tensor<4x!ring.fxp<64, 18>>) -> tensor<4x!ring.fxp<32, 8>>
    // CHECK: return %arg0, %arg1, %0, %1, %arg2
    return %0, %1, %2, %3, %arg2 : tensor<4x!ring.fxp<32, 12>>, tensor<4x!ring.fxp<32, 12>>, tensor<4x!ring.fxp<32, 8>>, tensor<4x!ring.fxp<32, 8>>, tensor<4x!ring.fxp<64, 18>>
  }
}
