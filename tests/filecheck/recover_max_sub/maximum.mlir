// A comparison and a selection of what it compared.

func.func @main(%arg0: tensor<4x!pphlo.secret<f16>>, %arg1: tensor<4x!pphlo.secret<f16>>) -> (tensor<4x!pphlo.secret<f16>>, tensor<4x!pphlo.secret<f16>>, tensor<4x!pphlo.secret<f16>>) {
  %0 = pphlo.constant dense<0.000000e+00> : tensor<4xf16>
  %1 = pphlo.less %arg0, %arg1 : (tensor<4x!pphlo.secret<f16>>, tensor<4x!pphlo.secret<f16>>) -> tensor<4x!pphlo.secret<i1>>
  %2 = pphlo.select %1, %arg1, %arg0 : (tensor<4x!pphlo.secret<i1>>, tensor<4x!pphlo.secret<f16>>, tensor<4x!pphlo.secret<f16>>) -> tensor<4x!pphlo.secret<f16>>
  %3 = pphlo.select %1, %arg0, %arg1 : (tensor<4x!pphlo.secret<i1>>, tensor<4x!pphlo.secret<f16>>, tensor<4x!pphlo.secret<f16>>) -> tensor<4x!pphlo.secret<f16>>
  %4 = pphlo.less %0, %arg0 : (tensor<4xf16>, tensor<4x!pphlo.secret<f16>>) -> tensor<4x!pphlo.secret<i1>>
  %5 = pphlo.multiply %4, %arg0 : (tensor<4x!pphlo.secret<i1>>, tensor<4x!pphlo.secret<f16>>) -> tensor<4x!pphlo.secret<f16>>
  return %2, %3, %5 : tensor<4x!pphlo.secret<f16>>, tensor<4x!pphlo.secret<f16>>, tensor<4x!pphlo.secret<f16>>
}

// CHECK:      %0 = pphlo.constant
// CHECK-NEXT: %1 = pphlo.maximum %arg0, %arg1 : tensor<4x!pphlo.secret<f16>>
// CHECK-NEXT: %2 = pphlo.minimum %arg0, %arg1 : tensor<4x!pphlo.secret<f16>>
// CHECK-NEXT: %3 = pphlo.maximum %0, %arg0
// CHECK-NEXT: return %1, %2, %3
