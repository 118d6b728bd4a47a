// (1/3)·3 is 1 in f16 too, because only the end of the chain is rounded.

func.func @main(%arg0: tensor<2x!pphlo.secret<f16>>) -> tensor<2x!pphlo.secret<f16>> {
  %0 = pphlo.constant dense<3.000000e+00> : tensor<2xf16>
  %1 = pphlo.reciprocal %0 : tensor<2xf16>
  %2 = pphlo.multiply %1, %0 : tensor<2xf16>
  %3 = pphlo.multiply %arg0, %2 : (tensor<2x!pphlo.secret<f16>>, tensor<2xf16>) -> tensor<2x!pphlo.secret<f16>>
  return %3 : tensor<2x!pphlo.secret<f16>>
}

// CHECK:      func.func @main
// CHECK-NEXT: %0 = pphlo.constant dense<1.000000e+00> : tensor<2xf16>
// CHECK-NEXT: %1 = pphlo.multiply %arg0, %0
