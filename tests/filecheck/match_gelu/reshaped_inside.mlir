// Without a bias SPU reshapes inside of GELU, once for each of its factors.

func.func @main(%arg0: tensor<4x8x!pphlo.secret<f16>>) -> tensor<1x4x8x!pphlo.secret<f16>> {
  %0 = pphlo.constant dense<5.000000e-01> : tensor<4x8xf16>
  %1 = pphlo.constant dense<7.070310e-01> : tensor<4x8xf16>
  %2 = pphlo.multiply %arg0, %0 : (tensor<4x8x!pphlo.secret<f16>>, tensor<4x8xf16>) -> tensor<4x8x!pphlo.secret<f16>>
  %3 = pphlo.reshape %2 : (tensor<4x8x!pphlo.secret<f16>>) -> tensor<1x4x8x!pphlo.secret<f16>>
  %4 = pphlo.negate %arg0 : tensor<4x8x!pphlo.secret<f16>>
  %5 = pphlo.multiply %4, %1 : (tensor<4x8x!pphlo.secret<f16>>, tensor<4x8xf16>) -> tensor<4x8x!pphlo.secret<f16>>
  %6 = pphlo.reshape %5 : (tensor<4x8x!pphlo.secret<f16>>) -> tensor<1x4x8x!pphlo.secret<f16>>
  %7 = pphlo.custom_call @mpc.erfc(%6) : (tensor<1x4x8x!pphlo.secret<f16>>) -> tensor<1x4x8x!pphlo.secret<f16>>
  %8 = pphlo.multiply %3, %7 : tensor<1x4x8x!pphlo.secret<f16>>
  return %8 : tensor<1x4x8x!pphlo.secret<f16>>
}

// CHECK:      func.func @main
// CHECK-NEXT: %0 = pphlo.custom_call @ditto.gelu(%arg0)
// CHECK-NEXT: %1 = pphlo.reshape %0
// CHECK-NEXT: return %1
