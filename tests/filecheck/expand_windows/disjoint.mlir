// Windows that do not overlap: one comparison an element, and the maximum of nothing is not asked for.

func.func @main(%arg0: tensor<4x4x!pphlo.secret<f32>>) -> tensor<2x2x!pphlo.secret<f32>> {
  %0 = pphlo.constant dense<0xFF800000> : tensor<f32>
  %1 = pphlo.convert %0 : (tensor<f32>) -> tensor<!pphlo.secret<f32>>
  %2 = "pphlo.reduce_window"(%arg0, %1) <{window_dilations = array<i64: 1, 1>, window_dimensions = array<i64: 2, 2>, window_strides = array<i64: 2, 2>}> ({
  ^bb0(%arg1: tensor<!pphlo.secret<f32>>, %arg2: tensor<!pphlo.secret<f32>>):
    %3 = pphlo.maximum %arg1, %arg2 : tensor<!pphlo.secret<f32>>
    pphlo.return %3 : tensor<!pphlo.secret<f32>>
  }) : (tensor<4x4x!pphlo.secret<f32>>, tensor<!pphlo.secret<f32>>) -> tensor<2x2x!pphlo.secret<f32>>
  return %2 : tensor<2x2x!pphlo.secret<f32>>
}

// CHECK: pphlo.maximum {{.*}} : tensor<8x
// CHECK: pphlo.maximum {{.*}} : tensor<4x
// CHECK-NOT: pphlo.maximum
