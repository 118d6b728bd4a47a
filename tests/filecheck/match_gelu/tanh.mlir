// The tanh form in f16, as GPT2 has it. A function that is not GELU stays (here, 1.0 in place of 0.5 at the end).

func.func @main(%arg0: tensor<2x4x!pphlo.secret<f16>>) -> (tensor<2x4x!pphlo.secret<f16>>, tensor<2x4x!pphlo.secret<f16>>) {
  %0 = pphlo.constant dense<4.470830e-02> : tensor<2x4xf16>
  %1 = pphlo.constant dense<7.978520e-01> : tensor<2x4xf16>
  %2 = pphlo.constant dense<1.000000e+00> : tensor<2x4xf16>
  %3 = pphlo.constant dense<5.000000e-01> : tensor<2x4xf16>
  %4 = pphlo.multiply %arg0, %arg0 : tensor<2x4x!pphlo.secret<f16>>
  %5 = pphlo.multiply %4, %arg0 : tensor<2x4x!pphlo.secret<f16>>
  %6 = pphlo.multiply %5, %0 : (tensor<2x4x!pphlo.secret<f16>>, tensor<2x4xf16>) -> tensor<2x4x!pphlo.secret<f16>>
  %7 = pphlo.add %arg0, %6 : tensor<2x4x!pphlo.secret<f16>>
  %8 = pphlo.multiply %7, %1 : (tensor<2x4x!pphlo.secret<f16>>, tensor<2x4xf16>) -> tensor<2x4x!pphlo.secret<f16>>
  %9 = pphlo.tanh %8 : tensor<2x4x!pphlo.secret<f16>>
  %10 = pphlo.add %9, %2 : (tensor<2x4x!pphlo.secret<f16>>, tensor<2x4xf16>) -> tensor<2x4x!pphlo.secret<f16>>
  %11 = pphlo.multiply %10, %3 : (tensor<2x4x!pphlo.secret<f16>>, tensor<2x4xf16>) -> tensor<2x4x!pphlo.secret<f16>>
  %12 = pphlo.multiply %arg0, %11 : tensor<2x4x!pphlo.secret<f16>>
  %13 = pphlo.multiply %arg0, %10 : tensor<2x4x!pphlo.secret<f16>>
  return %12, %13 : tensor<2x4x!pphlo.secret<f16>>, tensor<2x4x!pphlo.secret<f16>>
}

// CHECK: pphlo.tanh
// CHECK: [[GELU:%[0-9]+]] = pphlo.custom_call @ditto.gelu(%arg0) : (tensor<2x4x!pphlo.secret<f16>>) -> tensor<2x4x!pphlo.secret<f16>>
// CHECK: [[OTHER:%[0-9]+]] = pphlo.multiply %arg0
// CHECK: return [[GELU]], [[OTHER]]
