// A public factor comes second, with its dimensions in the order in which it is multiplied.

func.func @main(%arg0: tensor<3x4xf32>, %arg1: tensor<4x2x!pphlo.secret<f32>>) -> tensor<3x2x!pphlo.secret<f32>> {
  %0 = pphlo.dot %arg0, %arg1 : (tensor<3x4xf32>, tensor<4x2x!pphlo.secret<f32>>) -> tensor<3x2x!pphlo.secret<f32>>
  return %0 : tensor<3x2x!pphlo.secret<f32>>
}

// CHECK: pphlo.transpose %arg0, dims = [1, 0]
// CHECK-NEXT: %[[PUBLIC:.*]] = pphlo.reshape {{.*}} -> tensor<1x4x3xf32>
// CHECK: pphlo.dot_general %{{.*}}, %[[PUBLIC]], batching_dims = [0] x [0], contracting_dims = [2] x [1]
// CHECK-NEXT: pphlo.transpose {{.*}}, dims = [0, 2, 1]
