// Random numbers that nobody hides are drawn by the caller, at every call.

func.func @main(%arg0: tensor<4x!pphlo.secret<f32>>) -> tensor<4x!pphlo.secret<f32>> {
  %0 = pphlo.constant dense<0.000000e+00> : tensor<f32>
  %1 = pphlo.constant dense<1.000000e+00> : tensor<f32>
  %2 = "pphlo.rng"(%0, %1) : (tensor<f32>, tensor<f32>) -> tensor<4xf32>
  %3 = pphlo.add %arg0, %2 : (tensor<4x!pphlo.secret<f32>>, tensor<4xf32>) -> tensor<4x!pphlo.secret<f32>>
  return %3 : tensor<4x!pphlo.secret<f32>>
}

// CHECK:      func.func @prologue() -> tensor<4xf32>
// CHECK:      "pphlo.rng"
// CHECK:      func.func @main(%arg0: tensor<4x!pphlo.secret<f32>>, %arg1: tensor<4xf32>)
// CHECK-NEXT: %0 = pphlo.add %arg0, %arg1
// CHECK-NEXT: return %0
