// ERROR: which branch is taken depends on a public argument

func.func @main(%arg0: tensor<i1>, %arg1: tensor<4x!pphlo.secret<f32>>) -> tensor<4x!pphlo.secret<f32>> {
  %0 = "pphlo.if"(%arg0) ({
    pphlo.return %arg1 : tensor<4x!pphlo.secret<f32>>
  }, {
    %1 = pphlo.negate %arg1 : tensor<4x!pphlo.secret<f32>>
    pphlo.return %1 : tensor<4x!pphlo.secret<f32>>
  }) : (tensor<i1>) -> tensor<4x!pphlo.secret<f32>>
  return %0 : tensor<4x!pphlo.secret<f32>>
}
