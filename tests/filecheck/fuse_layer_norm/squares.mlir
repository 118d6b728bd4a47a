// A sum of squares is an inner product a row: only the sum is opened, shifted by as much as each square was.
module {
  func.func @main(%arg0: tensor<4x768x!ring.fxp<64, 8>>, %arg1: tensor<4x768x!ring.fxp<64, 18>>) -> (tensor<4x!ring.fxp<64, 16>>, tensor<4x!ring.fxp<64, 24>>) {
    // CHECK-NOT: ring.square
    // CHECK: ring.matmul {{.*}} {shift = 0 : i64} : (tensor<4x1x768x!ring.fxp<64, 8>>, tensor<4x768x1x!ring.fxp<64, 8>>) -> tensor<4x1x1x!ring.fxp<64, 16>>
    %0 = ring.square %arg0 {shift = 0 : i64} : (tensor<4x768x!ring.fxp<64, 8>>) -> tensor<4x768x!ring.fxp<64, 16>>
    %1 = ring.sum %0 {dims = array<i64: 1>} : (tensor<4x768x!ring.fxp<64, 16>>) -> tensor<4x!ring.fxp<64, 16>>
    // CHECK: ring.matmul {{.*}} {shift = 12 : i64} : (tensor<4x1x768x!ring.fxp<64, 18>>, tensor<4x768x1x!ring.fxp<64, 18>>) -> tensor<4x1x1x!ring.fxp<64, 24>>
    %2 = ring.square %arg1 {shift = 12 : i64} : (tensor<4x768x!ring.fxp<64, 18>>) -> tensor<4x768x!ring.fxp<64, 24>>
    %3 = ring.sum %2 {dims = array<i64: 1>} : (tensor<4x768x!ring.fxp<64, 24>>) -> tensor<4x!ring.fxp<64, 24>>
    return %1, %3 : tensor<4x!ring.fxp<64, 16>>, tensor<4x!ring.fxp<64, 24>>
  }
}
