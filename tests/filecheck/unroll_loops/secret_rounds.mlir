// ERROR: 'pphlo.while': the loop's condition is secret, and to test it would reveal it; return nothing that tells

func.func @main(%arg0: tensor<!pphlo.secret<f32>>) -> (tensor<i32>, tensor<!pphlo.secret<f32>>) {
  %0 = pphlo.constant dense<0> : tensor<i32>
  %1 = pphlo.constant dense<1> : tensor<i32>
  %2 = pphlo.constant dense<2> : tensor<i32>
  %3 = pphlo.constant dense<9.000000e+00> : tensor<f32>
  %4:2 = pphlo.while(%arg1 = %0, %arg2 = %arg0) : tensor<i32>, tensor<!pphlo.secret<f32>>
   cond {
    %5 = pphlo.less %arg1, %2 : (tensor<i32>, tensor<i32>) -> tensor<i1>
    %6 = pphlo.less %arg2, %3 : (tensor<!pphlo.secret<f32>>, tensor<f32>) -> tensor<!pphlo.secret<i1>>
    %7 = pphlo.and %5, %6 : (tensor<i1>, tensor<!pphlo.secret<i1>>) -> tensor<!pphlo.secret<i1>>
    pphlo.return %7 : tensor<!pphlo.secret<i1>>
  } do {
    %5 = pphlo.add %arg1, %1 : tensor<i32>
    %6 = pphlo.add %arg2, %arg2 : tensor<!pphlo.secret<f32>>
    pphlo.return %5, %6 : tensor<i32>, tensor<!pphlo.secret<f32>>
  }
  return %4#0, %4#1 : tensor<i32>, tensor<!pphlo.secret<f32>>
}
