// A power of two only changes the scale; any other factor has 12 significant bits or more (1/768 is zero at 8 bits).
module {
  func.func @main(%arg0: tensor<4x!pphlo.secret<f16>>) -> (tensor<4x!pphlo.secret<f16>>, tensor<4x!pphlo.secret<f16>>) {
    %0 = pphlo.constant dense<1.250000e-01> : tensor<4xf16>
    %1 = pphlo.constant dense<1.302080e-03> : tensor<4xf16>
    // CHECK: ring.relabel %arg0 : (tensor<4x!ring.fxp<32, 8>>) -> tensor<4x!ring.fxp<32, 11>>
    %2 = pphlo.multiply %arg0, %0 : (tensor<4x!pphlo.secret<f16>>, tensor<4xf16>) -> tensor<4x!pphlo.secret<f16>>
    // CHECK: ring.encode {{.*}} {fraction = 21 : i64} : (tensor<f64>) -> tensor<i64>
    // CHECK: ring.mul_public %arg0, {{.*}} {shift = 21 : i64}
    %3 = pphlo.multiply %arg0, %1 : (tensor<4x!pphlo.secret<f16>>, tensor<4xf16>) -> tensor<4x!pphlo.secret<f16>>
    return %2, %3 : tensor<4x!pphlo.secret<f16>>, tensor<4x!pphlo.secret<f16>>
  }
}
