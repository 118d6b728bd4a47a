// Few columns and many rows: rows are added up. A function looks at the product, so that it has to be in its range too.
module {
  func.func @main(%arg0: tensor<1x128x64x!ring.fxp<32, 8>>, %arg1: tensor<1x64x32x!ring.fxp<32, 12>>) -> tensor<1x128x32x!ring.fxp<32, 8>> attributes {ditto.ranges = array<i64: 16, 16>} {
    // CHECK: [[PRODUCT:%.*]] = ring.matmul %arg0, %arg1
    // CHECK: [[R:%.*]] = ring.constant {{.*}} : tensor<1x128x1xi64>
    // CHECK: [[COLUMNS:%.*]] = ring.transpose %arg0
    // CHECK: [[FACTOR:%.*]] = ring.matmul_public [[COLUMNS]], [[R]]
    // CHECK: [[ROW:%.*]] = ring.reshape [[FACTOR]] {{.*}} -> tensor<1x1x64x!ring.fxp<64, 8>>
    // CHECK: ring.matmul [[ROW]], %arg1
    // CHECK: [[TURNED:%.*]] = ring.transpose [[PRODUCT]]
    // CHECK: ring.require_sums {{.*}}, [[TURNED]], [[R]] {range = 23 : i64, bits = 20 : i64, modular = 1 : i64}
    // CHECK: [[CHECKED:%.*]] = ring.require_range [[PRODUCT]] {bits = 19 : i64, legal = 2 : i64, range = 18 : i64}
    // CHECK: ring.gelu [[CHECKED]]
    %0 = ring.matmul %arg0, %arg1 {shift = 12 : i64, claim = 65536.0 : f64, range = 18 : i64} : (tensor<1x128x64x!ring.fxp<32, 8>>, tensor<1x64x32x!ring.fxp<32, 12>>) -> tensor<1x128x32x!ring.fxp<32, 8>>
    %1 = ring.gelu %0 {bits = 20 : i64, range = 18 : i64} : (tensor<1x128x32x!ring.fxp<32, 8>>) -> tensor<1x128x32x!ring.fxp<32, 8>>
    return %1 : tensor<1x128x32x!ring.fxp<32, 8>>
  }
}
