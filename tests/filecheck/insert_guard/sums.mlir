// A large product that is only moved and returned: odd multiples of its columns are added up, four bits wider, and
// compared. The product itself goes on as it is.
module {
  func.func @main(%arg0: tensor<1x64x128x!ring.fxp<32, 8>>, %arg1: tensor<1x128x64x!ring.fxp<32, 12>>) -> tensor<1x64x64x!ring.fxp<32, 8>> attributes {ditto.ranges = array<i64: 16, 16>} {
    // CHECK: [[PRODUCT:%.*]] = ring.matmul %arg0, %arg1
    // CHECK-NEXT: [[R:%.*]] = ring.constant {{.*}} : tensor<1x64x1xi64>
    // CHECK-NEXT: [[FACTOR:%.*]] = ring.matmul_public %arg1, [[R]] {range = 25 : i64, shift = 0 : i64} : {{.*}} -> tensor<1x128x1x!ring.fxp<64, 12>>
    // CHECK-NEXT: [[SUMS:%.*]] = ring.matmul %arg0, [[FACTOR]] {range = 23 : i64, shift = 12 : i64, modular = 1 : i64} : {{.*}} -> tensor<1x64x1x!ring.fxp<64, 8>>
    // CHECK-NEXT: ring.require_sums [[SUMS]], [[PRODUCT]], [[R]] {range = 23 : i64, bits = 20 : i64, modular = 1 : i64}
    // CHECK-NEXT: [[RESULT:%.*]] = ring.transpose [[PRODUCT]]
    // CHECK-NEXT: return [[RESULT]]
    %0 = ring.matmul %arg0, %arg1 {shift = 12 : i64, claim = 1.31072e+05 : f64, range = 18 : i64} : (tensor<1x64x128x!ring.fxp<32, 8>>, tensor<1x128x64x!ring.fxp<32, 12>>) -> tensor<1x64x64x!ring.fxp<32, 8>>
    %1 = ring.transpose %0 {range = 18 : i64, perm = array<i64: 0, 2, 1>} : (tensor<1x64x64x!ring.fxp<32, 8>>) -> tensor<1x64x64x!ring.fxp<32, 8>>
    return %1 : tensor<1x64x64x!ring.fxp<32, 8>>
  }
}
