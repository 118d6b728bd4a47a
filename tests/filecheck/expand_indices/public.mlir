// A place that is known at the call: the caller computes positions, the program follows them.

func.func @main(%arg0: tensor<9x!pphlo.secret<f32>>, %arg1: tensor<i32>) -> tensor<2x!pphlo.secret<f32>> {
  %0 = pphlo.dynamic_slice %arg0, %arg1 sizes = [2] : (tensor<9x!pphlo.secret<f32>>, tensor<i32>) -> tensor<2x!pphlo.secret<f32>>
  return %0 : tensor<2x!pphlo.secret<f32>>
}

// CHECK: %[[ALL:.*]] = pphlo.constant dense<[0, 1, 2, 3, 4, 5, 6, 7, 8]> : tensor<9xi64>
// CHECK: %[[PLACES:.*]] = pphlo.dynamic_slice %[[ALL]], %arg1 sizes = [2] : (tensor<9xi64>, tensor<i32>) -> tensor<2xi64>
// CHECK: pphlo.custom_call @ditto.take(%arg0, %[[PLACES]])
