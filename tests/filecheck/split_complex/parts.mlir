// Moves and sums of each part.

func.func @main(%arg0: tensor<4x!pphlo.secret<f32>>) -> tensor<2x2x!pphlo.secret<f32>> {
  %0 = pphlo.negate %arg0 : tensor<4x!pphlo.secret<f32>>
  %1 = pphlo.complex %arg0, %0 : (tensor<4x!pphlo.secret<f32>>, tensor<4x!pphlo.secret<f32>>) -> tensor<4x!pphlo.secret<complex<f32>>>
  %2 = pphlo.reshape %1 : (tensor<4x!pphlo.secret<complex<f32>>>) -> tensor<2x2x!pphlo.secret<complex<f32>>>
  %3 = pphlo.imag %2 : (tensor<2x2x!pphlo.secret<complex<f32>>>) -> tensor<2x2x!pphlo.secret<f32>>
  return %3 : tensor<2x2x!pphlo.secret<f32>>
}

// CHECK: %[[MINUS:.*]] = pphlo.negate %arg0
// CHECK: %[[SHAPED:.*]] = pphlo.reshape %[[MINUS]]
// CHECK-NOT: complex
// CHECK: return %[[SHAPED]]
