// A parameter that feeds a dot has 12 fraction bits, and the product is truncated to the activations' 8.
module {
  // CHECK: %arg1: tensor<8x5x!ring.fxp<32, 12>>
  func.func @main(%arg0: tensor<4x8x!pphlo.secret<f16>>, %arg1: tensor<8x5x!pphlo.secret<f16>>) -> tensor<4x5x!pphlo.secret<f16>> {
    %0 = pphlo.tanh %arg0 : tensor<4x8x!pphlo.secret<f16>>
    %1 = pphlo.multiply %0, %0 : tensor<4x8x!pphlo.secret<f16>>
    // CHECK: ring.matmul {{.*}} {shift = 12 : i64} : (tensor<1x4x8x!ring.fxp<32, 8>>, tensor<1x8x5x!ring.fxp<32, 12>>) -> tensor<1x4x5x!ring.fxp<32, 8>>
    %2 = pphlo.dot %1, %arg1 : (tensor<4x8x!pphlo.secret<f16>>, tensor<8x5x!pphlo.secret<f16>>) -> tensor<4x5x!pphlo.secret<f16>>
    return %2 : tensor<4x5x!pphlo.secret<f16>>
  }
}
