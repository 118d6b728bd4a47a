// Constants stay, those that SPU calls secret too.

func.func @main(%arg0: tensor<9x!pphlo.secret<f32>>) -> tensor<2x!pphlo.secret<f32>> {
  %0 = pphlo.constant dense<3> : tensor<i32>
  %1 = pphlo.convert %0 : (tensor<i32>) -> tensor<!pphlo.secret<i32>>
  %2 = pphlo.dynamic_slice %arg0, %1 sizes = [2] : (tensor<9x!pphlo.secret<f32>>, tensor<!pphlo.secret<i32>>) -> tensor<2x!pphlo.secret<f32>>
  return %2 : tensor<2x!pphlo.secret<f32>>
}

// CHECK: pphlo.dynamic_slice %arg0, %1
// CHECK-NOT: ditto.embedding
