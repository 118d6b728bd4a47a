// Four prefixes in two steps; padding with zeros is left out.

func.func @main(%arg0: tensor<4x!pphlo.secret<f32>>) -> tensor<4x!pphlo.secret<f32>> {
  %0 = pphlo.constant dense<0.000000e+00> : tensor<f32>
  %1 = pphlo.convert %0 : (tensor<f32>) -> tensor<!pphlo.secret<f32>>
  %2 = pphlo.pad %arg0, %1, low = [3], high = [0], interior = [0] : (tensor<4x!pphlo.secret<f32>>, tensor<!pphlo.secret<f32>>) -> tensor<7x!pphlo.secret<f32>>
  %3 = "pphlo.reduce_window"(%2, %1) <{window_dilations = array<i64: 1>, window_dimensions = array<i64: 4>, window_strides = array<i64: 1>}> ({
  ^bb0(%arg1: tensor<!pphlo.secret<f32>>, %arg2: tensor<!pphlo.secret<f32>>):
    %4 = pphlo.add %arg1, %arg2 : tensor<!pphlo.secret<f32>>
    pphlo.return %4 : tensor<!pphlo.secret<f32>>
  }) : (tensor<7x!pphlo.secret<f32>>, tensor<!pphlo.secret<f32>>) -> tensor<4x!pphlo.secret<f32>>
  return %3 : tensor<4x!pphlo.secret<f32>>
}

// CHECK: pphlo.slice %arg0 [0:1:3]
// CHECK-NEXT: pphlo.slice %arg0 [1:1:4]
// CHECK-NEXT: pphlo.add {{.*}} : tensor<3x
// CHECK: pphlo.add {{.*}} : tensor<2x
// CHECK-NOT: pphlo.reduce_window
