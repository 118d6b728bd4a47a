// A large tensor is looked at in three bits of every element, and its uses take what has been looked at.
module {
  func.func @main(%arg0: tensor<1x64x128x!ring.fxp<32, 8>>, %arg1: tensor<1x128x64x!ring.fxp<32, 12>>) -> tensor<1x64x64x!ring.fxp<32, 8>> attributes {ditto.ranges = array<i64: 24, 24>} {
    // CHECK: [[PRODUCT:%.*]] = ring.matmul %arg0, %arg1
    // CHECK-NEXT: [[CHECKED:%.*]] = ring.require_range [[PRODUCT]] {bits = 25 : i64, legal = 2 : i64, range = 24 : i64}
    // CHECK-NEXT: [[RESULT:%.*]] = ring.neg [[CHECKED]]
    // CHECK-NEXT: return [[RESULT]]
    %0 = ring.matmul %arg0, %arg1 {shift = 12 : i64, claim = 2.147483648e+9 : f64, range = 24 : i64} : (tensor<1x64x128x!ring.fxp<32, 8>>, tensor<1x128x64x!ring.fxp<32, 12>>) -> tensor<1x64x64x!ring.fxp<32, 8>>
    %1 = ring.neg %0 {range = 24 : i64} : (tensor<1x64x64x!ring.fxp<32, 8>>) -> tensor<1x64x64x!ring.fxp<32, 8>>
    return %1 : tensor<1x64x64x!ring.fxp<32, 8>>
  }
}
