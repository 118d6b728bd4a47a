// Public numbers may be NaN.

func.func @main(%arg0: tensor<4xf32>) -> tensor<4xi1> {
  %0 = pphlo.equal %arg0, %arg0 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
  return %0 : tensor<4xi1>
}

// CHECK: pphlo.equal %arg0, %arg0
