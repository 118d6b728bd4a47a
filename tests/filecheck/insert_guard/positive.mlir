// Domains that end on one side: what a logarithm takes is a unit or more (x - 1 >= 0), what e^x takes is at most hi
// (21 * 2^18 - x >= 0); one bit says so.
module {
  func.func @main(%arg0: tensor<4x!ring.fxp<64, 18>>, %arg1: tensor<4x!ring.fxp<64, 18>>) -> (tensor<4x!ring.fxp<64, 18>>, tensor<4x!ring.fxp<64, 18>>) attributes {ditto.ranges = array<i64: 44, 44>} {
    // CHECK: ring.log %arg0
    // CHECK: [[UNIT:%.*]] = ring.constant dense<-1>
    // CHECK: [[LESS:%.*]] = ring.add_public %arg0, [[UNIT]]
    // CHECK: [[SIGN:%.*]] = ring.msb [[LESS]] {bits = 46 : i64, drop = 0 : i64}
    // CHECK: ring.require_false [[SIGN]]
    %0 = ring.log %arg0 {lo = -18 : i64, hi = 26 : i64, claim = -6.7108864e+07 : f64, range = 23 : i64} : (tensor<4x!ring.fxp<64, 18>>) -> tensor<4x!ring.fxp<64, 18>>
    // CHECK: ring.exp_below %arg1
    // CHECK: [[MINUS:%.*]] = ring.neg %arg1
    // CHECK: [[MOST:%.*]] = ring.constant dense<5505024>
    // CHECK: [[LEFT:%.*]] = ring.add_public [[MINUS]], [[MOST]]
    // CHECK: [[SIGN:%.*]] = ring.msb [[LEFT]] {bits = 46 : i64, drop = 0 : i64}
    // CHECK: ring.require_false [[SIGN]]
    %1 = ring.exp_below %arg1 {bits = 45 : i64, hi = 21 : i64, claim = 6.7108864e+07 : f64, range = 49 : i64} : (tensor<4x!ring.fxp<64, 18>>) -> tensor<4x!ring.fxp<64, 18>>
    return %0, %1 : tensor<4x!ring.fxp<64, 18>>, tensor<4x!ring.fxp<64, 18>>
  }
}
