// One number written at a secret place: a bit for every place, and a selection by it.

func.func @main(%arg0: tensor<4x!pphlo.secret<f32>>, %arg1: tensor<1x!pphlo.secret<f32>>, %arg2: tensor<!pphlo.secret<i32>>) -> tensor<4x!pphlo.secret<f32>> {
  %0 = pphlo.dynamic_update_slice %arg0, %arg1, %arg2 : (tensor<4x!pphlo.secret<f32>>, tensor<1x!pphlo.secret<f32>>, tensor<!pphlo.secret<i32>>) -> tensor<4x!pphlo.secret<f32>>
  return %0 : tensor<4x!pphlo.secret<f32>>
}

// CHECK: %[[PLACE:.*]] = pphlo.clamp {{.*}}, %arg2, {{.*}}
// CHECK: pphlo.equal {{.*}} -> tensor<4x!pphlo.secret<i1>>
// CHECK: pphlo.select {{.*}}, %arg0 :
// CHECK-NOT: pphlo.dynamic_update_slice
