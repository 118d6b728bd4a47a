// ERROR: 'pphlo.while': the loop's condition is secret

func.func @main(%arg0: tensor<!pphlo.secret<f32>>) -> tensor<!pphlo.secret<f32>> {
  %0 = pphlo.constant dense<1.000000e+01> : tensor<f32>
  %1 = pphlo.while(%arg1 = %arg0) : tensor<!pphlo.secret<f32>>
   cond {
    %2 = pphlo.less %arg1, %0 : (tensor<!pphlo.secret<f32>>, tensor<f32>) -> tensor<!pphlo.secret<i1>>
    pphlo.return %2 : tensor<!pphlo.secret<i1>>
  } do {
    %2 = pphlo.add %arg1, %arg1 : tensor<!pphlo.secret<f32>>
    pphlo.return %2 : tensor<!pphlo.secret<f32>>
  }
  return %1 : tensor<!pphlo.secret<f32>>
}
