// A range of two units: roundings leave no room for sums, and every element is looked at instead.
module {
  func.func @main(%arg0: tensor<1x64x128x!ring.fxp<32, 8>>, %arg1: tensor<1x128x64x!ring.fxp<32, 12>>) -> tensor<1x64x64x!ring.fxp<32, 8>> attributes {ditto.ranges = array<i64: 8, 8>} {
    // CHECK: [[PRODUCT:%.*]] = ring.matmul %arg0, %arg1
    // CHECK-NEXT: [[CHECKED:%.*]] = ring.require_range [[PRODUCT]]
    // CHECK-NEXT: return [[CHECKED]]
    %0 = ring.matmul %arg0, %arg1 {shift = 12 : i64, bound = 0.0078125 : f64, claim = 2.0 : f64, range = 1 : i64} : (tensor<1x64x128x!ring.fxp<32, 8>>, tensor<1x128x64x!ring.fxp<32, 12>>) -> tensor<1x64x64x!ring.fxp<32, 8>>
    return %0 : tensor<1x64x64x!ring.fxp<32, 8>>
  }
}
