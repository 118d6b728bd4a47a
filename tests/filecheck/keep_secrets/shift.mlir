// One opened value begins two carried ones, and moves from one to the other.

func.func @main(%arg0: tensor<!pphlo.secret<f32>>) -> tensor<f32> {
  %0 = pphlo.constant dense<1> : tensor<i32>
  %1 = pphlo.constant dense<0> : tensor<i32>
  %2 = pphlo.constant dense<1.000000e+00> : tensor<f32>
  %3 = pphlo.convert %arg0 : (tensor<!pphlo.secret<f32>>) -> tensor<f32>
  %4:3 = pphlo.while(%arg1 = %1, %arg2 = %3, %arg3 = %3) : tensor<i32>, tensor<f32>, tensor<f32>
   cond {
    %5 = pphlo.less %arg1, %0 : (tensor<i32>, tensor<i32>) -> tensor<i1>
    pphlo.return %5 : tensor<i1>
  } do {
    %5 = pphlo.add %arg1, %0 : tensor<i32>
    pphlo.return %5, %arg3, %2 : tensor<i32>, tensor<f32>, tensor<f32>
  }
  return %4#1 : tensor<f32>
}

// CHECK:      -> tensor<!pphlo.secret<f32>>
// CHECK:      pphlo.while{{.*}} : tensor<i32>, tensor<!pphlo.secret<f32>>, tensor<!pphlo.secret<f32>>
// CHECK:      pphlo.return %{{.*}}, %arg3, %{{.*}} : tensor<i32>, tensor<!pphlo.secret<f32>>, tensor<!pphlo.secret<f32>>
