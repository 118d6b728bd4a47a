// An index that is known, in one tensor with one that is not: no look-up along its axis.

func.func @main(%arg0: tensor<5x6x!pphlo.secret<f32>>, %arg1: tensor<1x!pphlo.secret<i32>>) -> tensor<1x1x!pphlo.secret<f32>> {
  %0 = pphlo.constant dense<3> : tensor<1xi32>
  %1 = pphlo.convert %0 : (tensor<1xi32>) -> tensor<1x!pphlo.secret<i32>>
  %2 = pphlo.concatenate %1, %arg1 dim = 0 : (tensor<1x!pphlo.secret<i32>>, tensor<1x!pphlo.secret<i32>>) -> tensor<2x!pphlo.secret<i32>>
  %3 = pphlo.slice %2 [0:1:1] : (tensor<2x!pphlo.secret<i32>>) -> tensor<1x!pphlo.secret<i32>>
  %4 = pphlo.reshape %3 : (tensor<1x!pphlo.secret<i32>>) -> tensor<!pphlo.secret<i32>>
  %5 = pphlo.slice %2 [1:1:2] : (tensor<2x!pphlo.secret<i32>>) -> tensor<1x!pphlo.secret<i32>>
  %6 = pphlo.reshape %5 : (tensor<1x!pphlo.secret<i32>>) -> tensor<!pphlo.secret<i32>>
  %7 = pphlo.dynamic_slice %arg0, %4, %6 sizes = [1, 1] : (tensor<5x6x!pphlo.secret<f32>>, tensor<!pphlo.secret<i32>>, tensor<!pphlo.secret<i32>>) -> tensor<1x1x!pphlo.secret<f32>>
  return %7 : tensor<1x1x!pphlo.secret<f32>>
}

// CHECK-COUNT-1: pphlo.custom_call @ditto.embedding
// CHECK-NOT:     pphlo.custom_call @ditto.embedding
