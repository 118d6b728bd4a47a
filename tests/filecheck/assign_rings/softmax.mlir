// One exponential and one reciprocal a row; the quotient has 16 fraction bits.
module {
  func.func @main(%arg0: tensor<4x8x!pphlo.secret<f16>>) -> tensor<4x8x!pphlo.secret<f16>> {
    %0 = pphlo.constant dense<0.000000e+00> : tensor<f16>
    %1 = pphlo.constant dense<0xFC00> : tensor<f16>
    // CHECK: [[MAX:%.*]] = ring.max %arg0 {axis = 1 : i64, bits = 32 : i64, drop = 0 : i64}
    %2 = pphlo.reduce(%arg0 init: %1) across dimensions = [1] : (tensor<4x8x!pphlo.secret<f16>>, tensor<f16>) -> tensor<4x!pphlo.secret<f16>>
     reducer(%arg1: tensor<!pphlo.secret<f16>>, %arg2: tensor<!pphlo.secret<f16>>)  {
      %7 = pphlo.maximum %arg1, %arg2 : tensor<!pphlo.secret<f16>>
      pphlo.return %7 : tensor<!pphlo.secret<f16>>
    }
    %3 = pphlo.broadcast %2, dims = [0] : (tensor<4x!pphlo.secret<f16>>) -> tensor<4x8x!pphlo.secret<f16>>
    %4 = pphlo.subtract %arg0, %3 : tensor<4x8x!pphlo.secret<f16>>
    // CHECK: ring.sub %arg0, {{.*}} {row = 8 : i64}
    // CHECK: [[EXP:%.*]] = ring.exp {{.*}} -> tensor<4x8x!ring.fxp<32, 14>>
    %5 = pphlo.exponential %4 : tensor<4x8x!pphlo.secret<f16>>
    // CHECK: [[SUM:%.*]] = ring.sum [[EXP]] {dims = array<i64: 1>}
    %6 = pphlo.reduce(%5 init: %0) applies pphlo.add across dimensions = [1] : (tensor<4x8x!pphlo.secret<f16>>, tensor<f16>) -> tensor<4x!pphlo.secret<f16>>
    %8 = pphlo.broadcast %6, dims = [0] : (tensor<4x!pphlo.secret<f16>>) -> tensor<4x8x!pphlo.secret<f16>>
    // CHECK: ring.reciprocal [[SUM]] {{.*}} -> tensor<4x!ring.fxp<32, 16>>
    // CHECK: ring.mul [[EXP]], {{.*}} {shift = 14 : i64} : {{.*}} -> tensor<4x8x!ring.fxp<32, 16>>
    %9 = pphlo.divide %5, %8 : tensor<4x8x!pphlo.secret<f16>>
    return %9 : tensor<4x8x!pphlo.secret<f16>>
  }
}
