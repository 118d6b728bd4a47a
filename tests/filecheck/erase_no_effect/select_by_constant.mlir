func.func @main(%arg0: tensor<4x!pphlo.secret<f32>>, %arg1: tensor<4x!pphlo.secret<f32>>) -> tensor<4x!pphlo.secret<f32>> {
  %0 = pphlo.constant dense<false> : tensor<4xi1>
  %1 = pphlo.select %0, %arg0, %arg1 : (tensor<4xi1>, tensor<4x!pphlo.secret<f32>>, tensor<4x!pphlo.secret<f32>>) -> tensor<4x!pphlo.secret<f32>>
  return %1 : tensor<4x!pphlo.secret<f32>>
}

// CHECK:      func.func @main
// CHECK-NEXT: return %arg1
