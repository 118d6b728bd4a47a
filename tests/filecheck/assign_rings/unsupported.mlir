// ERROR: 'pphlo.custom_call @mpc.lgamma': has no secure protocol here; compute it before or after the secure program
module {
  func.func @main(%arg0: tensor<4x!pphlo.secret<f32>>) -> tensor<4x!pphlo.secret<f32>> {
    %0 = pphlo.custom_call @mpc.lgamma(%arg0) : (tensor<4x!pphlo.secret<f32>>) -> tensor<4x!pphlo.secret<f32>>
    return %0 : tensor<4x!pphlo.secret<f32>>
  }
}
