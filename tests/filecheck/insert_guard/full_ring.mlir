// A 64-bit ring without a bit to spare: what is multiplied with the odd numbers loses as many bits as the sums need,
// and three quarters of what 46 bits say are read as they are.
module {
  func.func @main(%arg0: tensor<1x64x128x!ring.fxp<64, 18>>, %arg1: tensor<1x128x64x!ring.fxp<64, 18>>) -> tensor<1x64x64x!ring.fxp<64, 18>> attributes {ditto.ranges = array<i64: 44, 44>} {
    // CHECK: [[PRODUCT:%.*]] = ring.matmul %arg0, %arg1
    // CHECK-NEXT: [[R:%.*]] = ring.constant {{.*}} : tensor<1x64x1xi64>
    // CHECK-NEXT: [[FACTOR:%.*]] = ring.matmul_public %arg1, [[R]] {range = 50 : i64, shift = 4 : i64} : {{.*}} -> tensor<1x128x1x!ring.fxp<64, 14>>
    // CHECK-NEXT: [[SUMS:%.*]] = ring.matmul %arg0, [[FACTOR]] {range = 49 : i64, shift = 14 : i64, modular = 1 : i64}
    // CHECK-NEXT: ring.require_sums [[SUMS]], [[PRODUCT]], [[R]] {range = 49 : i64, bits = 46 : i64, modular = 1 : i64, legal = 3 : i64}
    // CHECK-NEXT: ring.require_range [[PRODUCT]] {bits = 46 : i64, legal = 3 : i64, range = 45 : i64}
    %0 = ring.matmul %arg0, %arg1 {shift = 18 : i64, claim = 1.0e+17 : f64, range = 45 : i64} : (tensor<1x64x128x!ring.fxp<64, 18>>, tensor<1x128x64x!ring.fxp<64, 18>>) -> tensor<1x64x64x!ring.fxp<64, 18>>
    return %0 : tensor<1x64x64x!ring.fxp<64, 18>>
  }
}
