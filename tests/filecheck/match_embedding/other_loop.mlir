// A loop that adds to each row is no look-up, but the slice inside it is one.

func.func @main(%arg0: tensor<3x1x!pphlo.secret<i32>>, %arg1: tensor<5x2x!pphlo.secret<f32>>, %arg2: tensor<1x2x!pphlo.secret<f32>>) -> tensor<1x2x!pphlo.secret<f32>> {
  %0 = pphlo.constant dense<0> : tensor<i32>
  %1 = pphlo.constant dense<1> : tensor<i32>
  %2 = pphlo.constant dense<3> : tensor<i32>
  %3:2 = pphlo.while(%arg3 = %0, %arg4 = %arg2) : tensor<i32>, tensor<1x2x!pphlo.secret<f32>>
   cond {
    %4 = pphlo.less %arg3, %2 : (tensor<i32>, tensor<i32>) -> tensor<i1>
    pphlo.return %4 : tensor<i1>
  } do {
    %4 = pphlo.add %arg3, %1 : tensor<i32>
    %5 = pphlo.dynamic_slice %arg0, %arg3, %0 sizes = [1, 1] : (tensor<3x1x!pphlo.secret<i32>>, tensor<i32>, tensor<i32>) -> tensor<1x1x!pphlo.secret<i32>>
    %6 = pphlo.reshape %5 : (tensor<1x1x!pphlo.secret<i32>>) -> tensor<!pphlo.secret<i32>>
    %7 = pphlo.dynamic_slice %arg1, %6, %0 sizes = [1, 2] : (tensor<5x2x!pphlo.secret<f32>>, tensor<!pphlo.secret<i32>>, tensor<i32>) -> tensor<1x2x!pphlo.secret<f32>>
    %8 = pphlo.add %arg4, %7 : tensor<1x2x!pphlo.secret<f32>>
    pphlo.return %4, %8 : tensor<i32>, tensor<1x2x!pphlo.secret<f32>>
  }
  return %3#1 : tensor<1x2x!pphlo.secret<f32>>
}

// CHECK: pphlo.while
// CHECK: pphlo.dynamic_slice %arg0
// CHECK: pphlo.custom_call @ditto.embedding(%arg1, {{%[0-9]+}}) : (tensor<5x2x!pphlo.secret<f32>>, tensor<1x1x!pphlo.secret<i32>>) -> tensor<1x2x!pphlo.secret<f32>>
// CHECK-NOT: pphlo.dynamic_slice
