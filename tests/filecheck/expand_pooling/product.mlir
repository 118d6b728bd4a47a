// ERROR: it combines by something else than addition

func.func @main(%arg0: tensor<2x!pphlo.secret<f32>>, %arg1: tensor<1x!pphlo.secret<f32>>) -> tensor<2x!pphlo.secret<f32>> {
  %0 = pphlo.constant dense<1.000000e+00> : tensor<f32>
  %1 = pphlo.convert %0 : (tensor<f32>) -> tensor<!pphlo.secret<f32>>
  %2 = "pphlo.select_and_scatter"(%arg0, %arg1, %1) <{window_dimensions = array<i64: 2>, window_strides = array<i64: 2>}> ({
  ^bb0(%arg2: tensor<!pphlo.secret<f32>>, %arg3: tensor<!pphlo.secret<f32>>):
    %3 = pphlo.less %arg3, %arg2 : (tensor<!pphlo.secret<f32>>, tensor<!pphlo.secret<f32>>) -> tensor<!pphlo.secret<i1>>
    pphlo.return %3 : tensor<!pphlo.secret<i1>>
  }, {
  ^bb0(%arg2: tensor<!pphlo.secret<f32>>, %arg3: tensor<!pphlo.secret<f32>>):
    %3 = pphlo.multiply %arg2, %arg3 : tensor<!pphlo.secret<f32>>
    pphlo.return %3 : tensor<!pphlo.secret<f32>>
  }) : (tensor<2x!pphlo.secret<f32>>, tensor<1x!pphlo.secret<f32>>, tensor<!pphlo.secret<f32>>) -> tensor<2x!pphlo.secret<f32>>
  return %2 : tensor<2x!pphlo.secret<f32>>
}
