// Ids that a table may have no row for: 0 <= id, and id <= 5 of 6 rows. What is said of no row is not asked.
module {
  func.func @main(%arg0: tensor<4x!ring.fxp<64, 0>>) -> (tensor<4x6x!ring.fxp<64, 0>>, tensor<4x6x!ring.fxp<64, 0>>) attributes {ditto.ranges = array<i64: 31>} {
    // CHECK: ring.one_hot %arg0 {depth = 6 : i64, claim
    // CHECK: [[SIGN:%.*]] = ring.msb {{.*}} {bits = 33 : i64, drop = 0 : i64}
    // CHECK: ring.require_false [[SIGN]]
    // CHECK: [[MINUS:%.*]] = ring.neg %arg0
    // CHECK: [[LAST:%.*]] = ring.constant dense<5>
    // CHECK: [[LEFT:%.*]] = ring.add_public [[MINUS]], [[LAST]]
    // CHECK: [[SIGN:%.*]] = ring.msb [[LEFT]] {bits = 33 : i64, drop = 0 : i64}
    // CHECK: ring.require_false [[SIGN]]
    %0 = ring.one_hot %arg0 {depth = 6 : i64, claim = 2.1e+09 : f64, range = 1 : i64} : (tensor<4x!ring.fxp<64, 0>>) -> tensor<4x6x!ring.fxp<64, 0>>
    // CHECK: ring.one_hot %arg0 {depth = 6 : i64, range
    // CHECK-NOT: ring.require_false
    %1 = ring.one_hot %arg0 {depth = 6 : i64, range = 1 : i64} : (tensor<4x!ring.fxp<64, 0>>) -> tensor<4x6x!ring.fxp<64, 0>>
    return %0, %1 : tensor<4x6x!ring.fxp<64, 0>>, tensor<4x6x!ring.fxp<64, 0>>
  }
}
