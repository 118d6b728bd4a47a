// There and back is nothing, if nothing is lost; a rounding on the way stays.
module {
  func.func @main(%arg0: tensor<4x!ring.fxp<32, 8>>, %arg1: tensor<4x!ring.fxp<64, 18>>, %arg2: tensor<4x8x!ring.fxp<32, 14>>) -> (tensor<4x!ring.fxp<32, 8>>, tensor<4x!ring.fxp<64, 8>>, tensor<4x!ring.fxp<32, 14>>) {
    %0 = ring.up_cast %arg0 : (tensor<4x!ring.fxp<32, 8>>) -> tensor<4x!ring.fxp<64, 8>>
    %1 = ring.down_cast %0 {shift = 0 : i64} : (tensor<4x!ring.fxp<64, 8>>) -> tensor<4x!ring.fxp<32, 8>>
    // CHECK: [[DOWN:%.*]] = ring.down_cast %arg1 {shift = 10 : i64}
    %2 = ring.down_cast %arg1 {shift = 10 : i64} : (tensor<4x!ring.fxp<64, 18>>) -> tensor<4x!ring.fxp<32, 8>>
    // CHECK: [[UP:%.*]] = ring.up_cast [[DOWN]]
    %3 = ring.up_cast %2 : (tensor<4x!ring.fxp<32, 8>>) -> tensor<4x!ring.fxp<64, 8>>
    // A sum that comes back to the narrow ring fits it.
    // CHECK: [[SUM:%.*]] = ring.sum %arg2 {dims = array<i64: 1>} : (tensor<4x8x!ring.fxp<32, 14>>) -> tensor<4x!ring.fxp<32, 14>>
    %4 = ring.up_cast %arg2 : (tensor<4x8x!ring.fxp<32, 14>>) -> tensor<4x8x!ring.fxp<64, 14>>
    %5 = ring.sum %4 {dims = array<i64: 1>} : (tensor<4x8x!ring.fxp<64, 14>>) -> tensor<4x!ring.fxp<64, 14>>
    %6 = ring.down_cast %5 {shift = 0 : i64} : (tensor<4x!ring.fxp<64, 14>>) -> tensor<4x!ring.fxp<32, 14>>
    // CHECK: return %arg0, [[UP]], [[SUM]]
    return %1, %3, %6 : tensor<4x!ring.fxp<32, 8>>, tensor<4x!ring.fxp<64, 8>>, tensor<4x!ring.fxp<32, 14>>
  }
}
