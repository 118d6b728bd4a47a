// What is drawn at random is no constant, though it depends on constants alone.

func.func @main(%arg0: tensor<4x!pphlo.secret<f32>>) -> tensor<4x!pphlo.secret<f32>> {
  %0 = pphlo.constant dense<0.000000e+00> : tensor<f32>
  %1 = pphlo.constant dense<1.000000e+00> : tensor<f32>
  %2 = "pphlo.rng"(%0, %1) : (tensor<f32>, tensor<f32>) -> tensor<4xf32>
  %3 = pphlo.add %arg0, %2 : (tensor<4x!pphlo.secret<f32>>, tensor<4xf32>) -> tensor<4x!pphlo.secret<f32>>
  return %3 : tensor<4x!pphlo.secret<f32>>
}

// CHECK:      "pphlo.rng"(%0, %1)
// CHECK-NEXT: pphlo.add %arg0, %2
