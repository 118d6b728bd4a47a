// Without evidence, scores are claimed to stay below 2^16, and a constant that is no mask adds what it is.
module {
  // CHECK: ditto.ranges = array<i64: 24, 24>
  func.func @main(%arg0: tensor<1x4x8x!ring.fxp<32, 8>>, %arg1: tensor<1x8x4x!ring.fxp<32, 8>>) -> (tensor<1x4x!ring.fxp<32, 8>>, tensor<1x4x4x!ring.bit>) {
    // CHECK: ring.matmul {{.*}} range = 24 : i64, claim = 34326188034.0
    %0 = ring.matmul %arg0, %arg1 {shift = 8 : i64} : (tensor<1x4x8x!ring.fxp<32, 8>>, tensor<1x8x4x!ring.fxp<32, 8>>) -> tensor<1x4x4x!ring.fxp<32, 8>>
    // CHECK: ring.msb {{.*}} {bits = 25 : i64
    %1 = ring.msb %0 {bits = 32 : i64, drop = 0 : i64} : (tensor<1x4x4x!ring.fxp<32, 8>>) -> tensor<1x4x4x!ring.bit>
    %2 = ring.constant dense<-4.096000e+03> : tensor<f64>
    %3 = ring.encode %2 {fraction = 8 : i64} : (tensor<f64>) -> tensor<i64>
    // CHECK: ring.add_public {{.*}} {range = 25 : i64}
    %4 = ring.add_public %0, %3 : (tensor<1x4x4x!ring.fxp<32, 8>>, tensor<i64>) -> tensor<1x4x4x!ring.fxp<32, 8>>
    // Differences of two scores: what the maximum compares.
    // CHECK: ring.max {{.*}} bits = 26
    %5 = ring.max %4 {axis = 2 : i64, bits = 32 : i64, drop = 0 : i64} : (tensor<1x4x4x!ring.fxp<32, 8>>) -> tensor<1x4x!ring.fxp<32, 8>>
    return %5, %1 : tensor<1x4x!ring.fxp<32, 8>>, tensor<1x4x4x!ring.bit>
  }
}
