// Comparisons of booleans, and a selection of two public tensors by a secret bit.

func.func @main(%arg0: tensor<4x!pphlo.secret<i1>>, %arg1: tensor<4xi1>, %arg2: tensor<4xf32>) -> (tensor<4x!pphlo.secret<i1>>, tensor<4x!pphlo.secret<f32>>) {
  %0 = pphlo.greater_equal %arg1, %arg0 : (tensor<4xi1>, tensor<4x!pphlo.secret<i1>>) -> tensor<4x!pphlo.secret<i1>>
  %1 = pphlo.negate %arg2 : tensor<4xf32>
  %2 = pphlo.select %arg0, %arg2, %1 : (tensor<4x!pphlo.secret<i1>>, tensor<4xf32>, tensor<4xf32>) -> tensor<4x!pphlo.secret<f32>>
  return %0, %2 : tensor<4x!pphlo.secret<i1>>, tensor<4x!pphlo.secret<f32>>
}

// CHECK: %[[NOT:.*]] = pphlo.not %arg1 : tensor<4xi1>
// CHECK-NEXT: %[[LESS:.*]] = pphlo.and %[[NOT]], %arg0
// CHECK-NEXT: pphlo.not %[[LESS]]
// CHECK: %[[OTHER:.*]] = pphlo.not %arg0
// CHECK: pphlo.multiply %arg0, %arg2
// CHECK: pphlo.multiply %[[OTHER]]
// CHECK: pphlo.add
