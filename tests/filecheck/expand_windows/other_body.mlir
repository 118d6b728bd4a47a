// A body may do what operations on tensors do element by element, and nothing else.
// ERROR: its body contains pphlo.reverse

func.func @main(%arg0: tensor<2x3x!pphlo.secret<f32>>) -> tensor<2x!pphlo.secret<f32>> {
  %0 = pphlo.constant dense<2.000000e+00> : tensor<f32>
  %1 = pphlo.convert %0 : (tensor<f32>) -> tensor<!pphlo.secret<f32>>
  %2 = pphlo.reduce(%arg0 init: %1) across dimensions = [1] : (tensor<2x3x!pphlo.secret<f32>>, tensor<!pphlo.secret<f32>>) -> tensor<2x!pphlo.secret<f32>>
   reducer(%arg1: tensor<!pphlo.secret<f32>>, %arg2: tensor<!pphlo.secret<f32>>)  {
    %3 = pphlo.reverse %arg1, dims = [] : tensor<!pphlo.secret<f32>>
    %4 = pphlo.multiply %3, %arg2 : tensor<!pphlo.secret<f32>>
    pphlo.return %4 : tensor<!pphlo.secret<f32>>
  }
  return %2 : tensor<2x!pphlo.secret<f32>>
}
