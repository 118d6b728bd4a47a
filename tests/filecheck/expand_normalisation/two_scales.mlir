// Large x whose fraction bits leave no room for the variance: it is computed from x rounded coarsely, again from finer x,
// and the coarse one says which of the two is right.
module {
  func.func @main(%arg0: tensor<4x768x!ring.fxp<64, 18>>) -> tensor<4x768x!ring.fxp<64, 14>> attributes {ditto.argument_bounds = array<f64: 4194304.0>} {
    // CHECK: [[COARSE:%.*]] = ring.down_cast
    // CHECK: ring.matmul
    // CHECK: ring.matmul
    // CHECK: ring.rsqrt
    // CHECK: ring.rsqrt
    // CHECK: [[SMALL:%.*]] = ring.msb
    // CHECK: ring.select [[SMALL]]
    %0 = ring.normalise %arg0 {dims = array<i64: 1>, eps = 1.0e-05 : f64} : (tensor<4x768x!ring.fxp<64, 18>>) -> tensor<4x768x!ring.fxp<64, 14>>
    return %0 : tensor<4x768x!ring.fxp<64, 14>>
  }
}
