// A large tensor that is no product is looked at in three bits of every element, and its uses take what has been looked
// at.
module {
  func.func @main(%arg0: tensor<128x128x!ring.fxp<64, 18>>) -> tensor<128x128x!ring.fxp<32, 8>> attributes {ditto.ranges = array<i64: 44>} {
    // CHECK: [[CAST:%.*]] = ring.down_cast %arg0
    // CHECK-NEXT: [[CHECKED:%.*]] = ring.require_range [[CAST]] {bits = 25 : i64, legal = 2 : i64, range = 24 : i64}
    // CHECK-NEXT: [[RESULT:%.*]] = ring.neg [[CHECKED]]
    // CHECK-NEXT: return [[RESULT]]
    %0 = ring.down_cast %arg0 {shift = 10 : i64, claim = 6.7108864e+07 : f64, range = 24 : i64} : (tensor<128x128x!ring.fxp<64, 18>>) -> tensor<128x128x!ring.fxp<32, 8>>
    %1 = ring.neg %0 {range = 24 : i64} : (tensor<128x128x!ring.fxp<32, 8>>) -> tensor<128x128x!ring.fxp<32, 8>>
    return %1 : tensor<128x128x!ring.fxp<32, 8>>
  }
}
