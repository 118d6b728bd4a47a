// An exponential of what is -inf where a bit says so.

func.func @main(%arg0: tensor<4x!pphlo.secret<f32>>, %arg1: tensor<4x!pphlo.secret<i1>>) -> tensor<4x!pphlo.secret<f32>> {
  %0 = pphlo.constant dense<0xFF800000> : tensor<4xf32>
  %1 = pphlo.select %arg1, %0, %arg0 : (tensor<4x!pphlo.secret<i1>>, tensor<4xf32>, tensor<4x!pphlo.secret<f32>>) -> tensor<4x!pphlo.secret<f32>>
  %2 = pphlo.exponential %1 : tensor<4x!pphlo.secret<f32>>
  return %2 : tensor<4x!pphlo.secret<f32>>
}

// CHECK:      %[[Z:.*]] = pphlo.constant dense<0.000000e+00>
// CHECK-NEXT: %[[E:.*]] = pphlo.exponential %arg0
// CHECK-NEXT: pphlo.select %arg1, %[[Z]], %[[E]]
