// What depends on the opened value stays secret through a second loop, a branch and what combines them.

func.func @main(%arg0: tensor<!pphlo.secret<f32>>, %arg1: tensor<i1>) -> tensor<f32> {
  %0 = pphlo.constant dense<1> : tensor<i32>
  %1 = pphlo.constant dense<0> : tensor<i32>
  %2 = pphlo.constant dense<1.000000e+00> : tensor<f32>
  %3 = pphlo.convert %arg0 : (tensor<!pphlo.secret<f32>>) -> tensor<f32>
  %4:3 = pphlo.while(%arg2 = %1, %arg3 = %3, %arg4 = %2) : tensor<i32>, tensor<f32>, tensor<f32>
   cond {
    %6 = pphlo.less %arg2, %0 : (tensor<i32>, tensor<i32>) -> tensor<i1>
    pphlo.return %6 : tensor<i1>
  } do {
    %6 = pphlo.add %arg2, %0 : tensor<i32>
    pphlo.return %6, %2, %arg3 : tensor<i32>, tensor<f32>, tensor<f32>
  }
  %5 = "pphlo.if"(%arg1) ({
    %6 = pphlo.add %4#2, %2 : tensor<f32>
    pphlo.return %6 : tensor<f32>
  }, {
    pphlo.return %2 : tensor<f32>
  }) : (tensor<i1>) -> tensor<f32>
  return %5 : tensor<f32>
}

// CHECK:      -> tensor<!pphlo.secret<f32>>
// CHECK:      pphlo.while{{.*}} : tensor<i32>, tensor<!pphlo.secret<f32>>, tensor<!pphlo.secret<f32>>
// CHECK:      pphlo.add {{.*}} : (tensor<!pphlo.secret<f32>>, tensor<f32>) -> tensor<!pphlo.secret<f32>>
// CHECK:      (tensor<i1>) -> tensor<!pphlo.secret<f32>>
// CHECK:      return {{.*}} : tensor<!pphlo.secret<f32>>
