// A causal mask is a constant; what becomes secret is not computed.

func.func @main(%arg0: tensor<3x3x!pphlo.secret<f16>>) -> tensor<3x3x!pphlo.secret<f16>> {
  %0 = pphlo.constant dense<-1.000000e+00> : tensor<3x3xf16>
  %1 = pphlo.constant dense<0.000000e+00> : tensor<3x3xf16>
  %2 = pphlo.iota dim = 0 : tensor<3xi32>
  %3 = pphlo.broadcast %2, dims = [0] : (tensor<3xi32>) -> tensor<3x3xi32>
  %4 = pphlo.broadcast %2, dims = [1] : (tensor<3xi32>) -> tensor<3x3xi32>
  %5 = pphlo.less %3, %4 : (tensor<3x3xi32>, tensor<3x3xi32>) -> tensor<3x3xi1>
  %6 = pphlo.select %5, %0, %1 : (tensor<3x3xi1>, tensor<3x3xf16>, tensor<3x3xf16>) -> tensor<3x3xf16>
  %7 = pphlo.convert %6 : (tensor<3x3xf16>) -> tensor<3x3x!pphlo.secret<f16>>
  %8 = pphlo.add %arg0, %7 : tensor<3x3x!pphlo.secret<f16>>
  return %8 : tensor<3x3x!pphlo.secret<f16>>
}

// CHECK:      func.func @main
// CHECK-NEXT: %0 = pphlo.constant dense<{{\[\[}}0.000000e+00, -1.000000e+00, -1.000000e+00], [0.000000e+00, 0.000000e+00, -1.000000e+00], [0.000000e+00, 0.000000e+00, 0.000000e+00]]> : tensor<3x3xf16>
// CHECK-NEXT: %1 = pphlo.convert %0
// CHECK-NEXT: %2 = pphlo.add %arg0, %1
