// Moves after moves become one, or none; a transpose of a square matrix is not nothing.

func.func @main(%arg0: tensor<2x3x!pphlo.secret<f32>>, %arg1: tensor<3x3x!pphlo.secret<f32>>) -> (tensor<2x3x!pphlo.secret<f32>>, tensor<3x3x!pphlo.secret<f32>>) {
  %0 = pphlo.transpose %arg0, dims = [1, 0] : (tensor<2x3x!pphlo.secret<f32>>) -> tensor<3x2x!pphlo.secret<f32>>
  %1 = pphlo.transpose %0, dims = [1, 0] : (tensor<3x2x!pphlo.secret<f32>>) -> tensor<2x3x!pphlo.secret<f32>>
  %2 = pphlo.reshape %1 : (tensor<2x3x!pphlo.secret<f32>>) -> tensor<6x!pphlo.secret<f32>>
  %3 = pphlo.reshape %2 : (tensor<6x!pphlo.secret<f32>>) -> tensor<2x3x!pphlo.secret<f32>>
  %4 = pphlo.transpose %arg1, dims = [1, 0] : (tensor<3x3x!pphlo.secret<f32>>) -> tensor<3x3x!pphlo.secret<f32>>
  return %3, %4 : tensor<2x3x!pphlo.secret<f32>>, tensor<3x3x!pphlo.secret<f32>>
}

// CHECK:      func.func @main
// CHECK-NEXT: %0 = pphlo.transpose %arg1, dims = [1, 0]
// CHECK-NEXT: return %arg0, %0
