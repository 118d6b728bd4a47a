// As SPU's compiler writes a softmax in a loop's body.

func.func @main(%arg0: tensor<4x!pphlo.secret<f32>>) -> tensor<4x!pphlo.secret<f32>> {
  %0 = pphlo.constant dense<0xFF800000> : tensor<4xf32>
  %1 = pphlo.broadcast_as %0, %arg0 : (tensor<4xf32>, tensor<4x!pphlo.secret<f32>>) -> tensor<4xf32>
  %2 = pphlo.less %1, %arg0 : (tensor<4xf32>, tensor<4x!pphlo.secret<f32>>) -> tensor<4x!pphlo.secret<i1>>
  %3 = pphlo.select %2, %arg0, %0 : (tensor<4x!pphlo.secret<i1>>, tensor<4x!pphlo.secret<f32>>, tensor<4xf32>) -> tensor<4x!pphlo.secret<f32>>
  return %3 : tensor<4x!pphlo.secret<f32>>
}

// CHECK:      %0 = pphlo.constant
// CHECK-NEXT: %1 = pphlo.maximum %0, %arg0
// CHECK-NEXT: return %1
