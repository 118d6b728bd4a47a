// Where the low bits of what is multiplied with the odd numbers count, fewer of them are dropped: all that are dropped in
// a sum together may not reach a quarter of what the ring says.
module {
  func.func @main(%arg0: tensor<64x128x!ring.fxp<64, 8>>, %arg1: tensor<64x128x!ring.fxp<64, 8>>) -> tensor<64x128x!ring.fxp<64, 8>> attributes {ditto.ranges = array<i64: 24, 24>} {
    // CHECK: ring.matmul_public {{.*}} {range = 29 : i64, shift = 3 : i64} : (tensor<16x512x1x!ring.fxp<64, 8>>, tensor<16x1x1xi64>)
    // CHECK: ring.require_sums {{.*}} {range = 29 : i64, bits = 26 : i64, modular = 1 : i64}
    %0 = ring.neg %arg0 {range = 24 : i64} : (tensor<64x128x!ring.fxp<64, 8>>) -> tensor<64x128x!ring.fxp<64, 8>>
    %1 = ring.neg %arg1 {range = 24 : i64} : (tensor<64x128x!ring.fxp<64, 8>>) -> tensor<64x128x!ring.fxp<64, 8>>
    %2 = ring.mul %0, %1 {shift = 8 : i64, claim = 1.0e+9 : f64, range = 24 : i64} : (tensor<64x128x!ring.fxp<64, 8>>, tensor<64x128x!ring.fxp<64, 8>>) -> tensor<64x128x!ring.fxp<64, 8>>
    return %2 : tensor<64x128x!ring.fxp<64, 8>>
  }
}
