// ERROR: 'pphlo.while': the number of rounds depends on a public argument

func.func @main(%arg0: tensor<i32>, %arg1: tensor<!pphlo.secret<f32>>) -> tensor<!pphlo.secret<f32>> {
  %0 = pphlo.constant dense<1> : tensor<i32>
  %1 = pphlo.constant dense<0> : tensor<i32>
  %2:2 = pphlo.while(%arg2 = %1, %arg3 = %arg1) : tensor<i32>, tensor<!pphlo.secret<f32>>
   cond {
    %3 = pphlo.less %arg2, %arg0 : (tensor<i32>, tensor<i32>) -> tensor<i1>
    pphlo.return %3 : tensor<i1>
  } do {
    %3 = pphlo.add %arg2, %0 : tensor<i32>
    %4 = pphlo.add %arg3, %arg3 : tensor<!pphlo.secret<f32>>
    pphlo.return %3, %4 : tensor<i32>, tensor<!pphlo.secret<f32>>
  }
  return %2#1 : tensor<!pphlo.secret<f32>>
}
