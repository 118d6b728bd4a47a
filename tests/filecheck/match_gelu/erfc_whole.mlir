// The exact form in f16 with erfc in f32, kept whole by the front end.

func.func @main(%arg0: tensor<4x!pphlo.secret<f16>>) -> tensor<4x!pphlo.secret<f16>> {
  %0 = pphlo.constant dense<5.000000e-01> : tensor<4xf16>
  %1 = pphlo.constant dense<7.070310e-01> : tensor<4xf16>
  %2 = pphlo.multiply %arg0, %0 : (tensor<4x!pphlo.secret<f16>>, tensor<4xf16>) -> tensor<4x!pphlo.secret<f16>>
  %3 = pphlo.negate %arg0 : tensor<4x!pphlo.secret<f16>>
  %4 = pphlo.multiply %3, %1 : (tensor<4x!pphlo.secret<f16>>, tensor<4xf16>) -> tensor<4x!pphlo.secret<f16>>
  %5 = pphlo.convert %4 : (tensor<4x!pphlo.secret<f16>>) -> tensor<4x!pphlo.secret<f32>>
  %6 = pphlo.custom_call @mpc.erfc(%5) : (tensor<4x!pphlo.secret<f32>>) -> tensor<4x!pphlo.secret<f32>>
  %7 = pphlo.convert %6 : (tensor<4x!pphlo.secret<f32>>) -> tensor<4x!pphlo.secret<f16>>
  %8 = pphlo.multiply %2, %7 : tensor<4x!pphlo.secret<f16>>
  return %8 : tensor<4x!pphlo.secret<f16>>
}

// CHECK:      func.func @main
// CHECK-NEXT: %0 = pphlo.custom_call @ditto.gelu(%arg0)
// CHECK-NEXT: return %0
