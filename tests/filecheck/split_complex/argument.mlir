// ERROR: a secret argument or result is complex

func.func @main(%arg0: tensor<4x!pphlo.secret<complex<f32>>>) -> tensor<4x!pphlo.secret<f32>> {
  %0 = pphlo.real %arg0 : (tensor<4x!pphlo.secret<complex<f32>>>) -> tensor<4x!pphlo.secret<f32>>
  return %0 : tensor<4x!pphlo.secret<f32>>
}
