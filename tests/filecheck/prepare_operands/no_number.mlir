// ERROR: whether this result is a number depends on a public argument

func.func @main(%arg0: tensor<4x!pphlo.secret<f32>>, %arg1: tensor<4xi1>) -> tensor<4x!pphlo.secret<f32>> {
  %0 = pphlo.constant dense<0x7FC00000> : tensor<4xf32>
  %1 = pphlo.select %arg1, %arg0, %0 : (tensor<4xi1>, tensor<4x!pphlo.secret<f32>>, tensor<4xf32>) -> tensor<4x!pphlo.secret<f32>>
  return %1 : tensor<4x!pphlo.secret<f32>>
}
