// A secret place along the first axis, a constant one along the second: a look-up among three slices of six numbers.

func.func @main(%arg0: tensor<4x5x!pphlo.secret<f32>>, %arg1: tensor<!pphlo.secret<i32>>) -> tensor<2x3x!pphlo.secret<f32>> {
  %0 = pphlo.constant dense<1> : tensor<i32>
  %1 = pphlo.dynamic_slice %arg0, %arg1, %0 sizes = [2, 3] : (tensor<4x5x!pphlo.secret<f32>>, tensor<!pphlo.secret<i32>>, tensor<i32>) -> tensor<2x3x!pphlo.secret<f32>>
  return %1 : tensor<2x3x!pphlo.secret<f32>>
}

// CHECK: pphlo.custom_call @ditto.take(%arg0, {{.*}} -> tensor<4x3x!pphlo.secret<f32>>
// CHECK: %[[TABLE:.*]] = pphlo.custom_call @ditto.take({{.*}} -> tensor<3x6x!pphlo.secret<f32>>
// CHECK: pphlo.clamp {{.*}}, %arg1, {{.*}}
// CHECK: pphlo.custom_call @ditto.embedding(%[[TABLE]],
// CHECK-NOT: pphlo.dynamic_slice %arg0
