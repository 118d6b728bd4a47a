// Three quarters of what evidence says are legal: a value may be a little larger than any sample.
module {
  func.func @main(%arg0: tensor<1x64x128x!ring.fxp<32, 8>>, %arg1: tensor<1x128x64x!ring.fxp<32, 12>>) -> tensor<1x64x64x!ring.fxp<32, 8>> attributes {ditto.ranges = array<i64: 24, 24>} {
    // CHECK: ring.require_range {{.*}} {bits = 12 : i64, legal = 3 : i64, range = 11 : i64}
    %0 = ring.matmul %arg0, %arg1 {shift = 12 : i64, bound = 8.0 : f64, claim = 2.147483648e+9 : f64, range = 11 : i64} : (tensor<1x64x128x!ring.fxp<32, 8>>, tensor<1x128x64x!ring.fxp<32, 12>>) -> tensor<1x64x64x!ring.fxp<32, 8>>
    %1 = ring.gelu %0 {bits = 13 : i64, range = 11 : i64} : (tensor<1x64x64x!ring.fxp<32, 8>>) -> tensor<1x64x64x!ring.fxp<32, 8>>
    return %1 : tensor<1x64x64x!ring.fxp<32, 8>>
  }
}
