// An elementwise product, of whose size there is no evidence, is summed row by row: x times y's odd multiples.
module {
  func.func @main(%arg0: tensor<71x71x!ring.fxp<64, 18>>, %arg1: tensor<71x71x!ring.fxp<64, 18>>) -> tensor<71x71x!ring.fxp<64, 18>> attributes {ditto.ranges = array<i64: 44, 44>} {
    // CHECK: [[PRODUCT:%.*]] = ring.mul %arg0, %arg1
    // CHECK: [[R:%.*]] = ring.constant {{.*}} : tensor<1x71x1xi64>
    // CHECK: ring.matmul_public {{.*}} {range = 51 : i64, shift = 4 : i64} : (tensor<71x71x1x!ring.fxp<64, 18>>, tensor<71x1x1xi64>)
    // CHECK: [[FACTOR:%.*]] = ring.transpose
    // CHECK: [[ROWS:%.*]] = ring.reshape %arg0 {{.*}} -> tensor<71x1x71x!ring.fxp<64, 18>>
    // CHECK: ring.matmul [[ROWS]], [[FACTOR]] {range = 49 : i64, shift = 14 : i64, modular = 1 : i64}
    // CHECK: [[TERMS:%.*]] = ring.reshape [[PRODUCT]]
    // CHECK: ring.require_sums {{.*}}, [[TERMS]], [[R]] {range = 49 : i64, bits = 46 : i64, modular = 1 : i64, legal = 3 : i64}
    // CHECK: ring.require_range [[PRODUCT]] {bits = 46 : i64, legal = 3 : i64, range = 45 : i64}
    %0 = ring.mul %arg0, %arg1 {shift = 18 : i64, claim = 1.0e+15 : f64, range = 45 : i64} : (tensor<71x71x!ring.fxp<64, 18>>, tensor<71x71x!ring.fxp<64, 18>>) -> tensor<71x71x!ring.fxp<64, 18>>
    return %0 : tensor<71x71x!ring.fxp<64, 18>>
  }
}
