// Neutral elements, also as broadcasts and secrets; a bit times one becomes a number and stays.

func.func @main(%arg0: tensor<4x!pphlo.secret<f32>>, %arg1: tensor<4x!pphlo.secret<i1>>) -> (tensor<4x!pphlo.secret<f32>>, tensor<4x!pphlo.secret<f32>>) {
  %0 = pphlo.constant dense<0.000000e+00> : tensor<f32>
  %1 = pphlo.constant dense<1.000000e+00> : tensor<4xf32>
  %2 = pphlo.broadcast %0, dims = [] : (tensor<f32>) -> tensor<4xf32>
  %3 = pphlo.convert %2 : (tensor<4xf32>) -> tensor<4x!pphlo.secret<f32>>
  %4 = pphlo.add %3, %arg0 : tensor<4x!pphlo.secret<f32>>
  %5 = pphlo.divide %4, %1 : (tensor<4x!pphlo.secret<f32>>, tensor<4xf32>) -> tensor<4x!pphlo.secret<f32>>
  %6 = pphlo.multiply %arg1, %1 : (tensor<4x!pphlo.secret<i1>>, tensor<4xf32>) -> tensor<4x!pphlo.secret<f32>>
  return %5, %6 : tensor<4x!pphlo.secret<f32>>, tensor<4x!pphlo.secret<f32>>
}

// CHECK:      %0 = pphlo.constant dense<1.000000e+00>
// CHECK-NEXT: %1 = pphlo.multiply %arg1, %0
// CHECK-NEXT: return %arg0, %1
