// POLICY: fm64
// Every float in the large ring, and no border to cross.
module {
  // CHECK: func.func @main(%arg0: tensor<4x!ring.fxp<64, 18>>, %arg1: tensor<4x!ring.fxp<64, 18>>)
  func.func @main(%arg0: tensor<4x!pphlo.secret<f16>>, %arg1: tensor<4x!pphlo.secret<f32>>) -> tensor<4x!pphlo.secret<f32>> {
    // CHECK-NOT: ring.convert
    // CHECK: ring.add %arg0, %arg1
    %0 = pphlo.convert %arg0 : (tensor<4x!pphlo.secret<f16>>) -> tensor<4x!pphlo.secret<f32>>
    %1 = pphlo.add %0, %arg1 : tensor<4x!pphlo.secret<f32>>
    return %1 : tensor<4x!pphlo.secret<f32>>
  }
}
