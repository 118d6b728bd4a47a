// What enters a residual sum and goes on in float32 keeps 14 bits, its bias too; what a softmax compares does not.
module {
  func.func @main(%arg0: tensor<4x8x!pphlo.secret<f16>>, %arg1: tensor<8x8x!pphlo.secret<f16>>, %arg2: tensor<4x8x!pphlo.secret<f16>>) -> (tensor<4x8x!pphlo.secret<f32>>, tensor<4x!pphlo.secret<f32>>) {
    // CHECK: %arg2: tensor<4x8x!ring.fxp<32, 14>>
    // CHECK: ring.matmul {{.*}} {shift = 10 : i64} : {{.*}} -> tensor<1x4x8x!ring.fxp<32, 14>>
    %0 = pphlo.dot %arg0, %arg1 : (tensor<4x8x!pphlo.secret<f16>>, tensor<8x8x!pphlo.secret<f16>>) -> tensor<4x8x!pphlo.secret<f16>>
    // CHECK: ring.add {{.*}} -> tensor<4x8x!ring.fxp<32, 14>>
    %1 = pphlo.add %0, %arg2 : tensor<4x8x!pphlo.secret<f16>>
    // CHECK: ring.convert {{.*}} -> tensor<4x8x!ring.fxp<64, 14>>
    %2 = pphlo.convert %1 : (tensor<4x8x!pphlo.secret<f16>>) -> tensor<4x8x!pphlo.secret<f32>>
    // CHECK: ring.matmul {{.*}} {shift = 16 : i64} : {{.*}} -> tensor<1x4x8x!ring.fxp<32, 8>>
    %3 = pphlo.dot %arg0, %arg1 : (tensor<4x8x!pphlo.secret<f16>>, tensor<8x8x!pphlo.secret<f16>>) -> tensor<4x8x!pphlo.secret<f16>>
    %4 = pphlo.convert %3 : (tensor<4x8x!pphlo.secret<f16>>) -> tensor<4x8x!pphlo.secret<f32>>
    %5 = pphlo.constant dense<0xFF800000> : tensor<f32>
    %6 = pphlo.convert %5 : (tensor<f32>) -> tensor<!pphlo.secret<f32>>
    %7 = pphlo.reduce(%4 init: %6) applies pphlo.maximum across dimensions = [1] : (tensor<4x8x!pphlo.secret<f32>>, tensor<!pphlo.secret<f32>>) -> tensor<4x!pphlo.secret<f32>>
    return %2, %7 : tensor<4x8x!pphlo.secret<f32>>, tensor<4x!pphlo.secret<f32>>
  }
}
