// Every dtype has its ring. A change of precision is a convert, and keeps the fraction it has.
module {
  // CHECK: func.func @main(%arg0: tensor<4x!ring.fxp<32, 8>>, %arg1: tensor<4x!ring.fxp<64, 18>>, %arg2: tensor<4x!ring.fxp<32, 0>>, %arg3: tensor<4x!ring.bit>)
  func.func @main(%arg0: tensor<4x!pphlo.secret<f16>>, %arg1: tensor<4x!pphlo.secret<f32>>, %arg2: tensor<4x!pphlo.secret<i32>>, %arg3: tensor<4x!pphlo.secret<i1>>) -> (tensor<4x!pphlo.secret<f32>>, tensor<4x!pphlo.secret<f16>>, tensor<4x!pphlo.secret<f16>>) {
    // CHECK: ring.convert %arg0 : (tensor<4x!ring.fxp<32, 8>>) -> tensor<4x!ring.fxp<64, 8>>
    %0 = pphlo.convert %arg0 : (tensor<4x!pphlo.secret<f16>>) -> tensor<4x!pphlo.secret<f32>>
    // A value of 8 fraction bits gains at most four: the finer one is rounded.
    // CHECK: ring.shl {{.*}} {bits = 4 : i64}
    // CHECK: ring.down_cast %arg1 {shift = 6 : i64}
    // CHECK: ring.add {{.*}} -> tensor<4x!ring.fxp<64, 12>>
    %1 = pphlo.add %0, %arg1 : tensor<4x!pphlo.secret<f32>>
    // CHECK: ring.shl %arg2 {bits = 8 : i64} : (tensor<4x!ring.fxp<32, 0>>) -> tensor<4x!ring.fxp<32, 8>>
    %2 = pphlo.convert %arg2 : (tensor<4x!pphlo.secret<i32>>) -> tensor<4x!pphlo.secret<f16>>
    // CHECK: ring.bit_mul %arg3
    %3 = pphlo.multiply %arg3, %arg0 : (tensor<4x!pphlo.secret<i1>>, tensor<4x!pphlo.secret<f16>>) -> tensor<4x!pphlo.secret<f16>>
    return %1, %2, %3 : tensor<4x!pphlo.secret<f32>>, tensor<4x!pphlo.secret<f16>>, tensor<4x!pphlo.secret<f16>>
  }
}
