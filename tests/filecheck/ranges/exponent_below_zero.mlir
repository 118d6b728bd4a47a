// e^-x of what is never below zero takes the exponential of a softmax; that of anything else does not.
module {
  func.func @main(%arg0: tensor<4x!ring.fxp<64, 18>>) -> (tensor<4x!ring.fxp<64, 18>>, tensor<4x!ring.fxp<64, 18>>) {
    %0 = ring.square %arg0 {shift = 18 : i64} : (tensor<4x!ring.fxp<64, 18>>) -> tensor<4x!ring.fxp<64, 18>>
    %1 = ring.neg %0 : (tensor<4x!ring.fxp<64, 18>>) -> tensor<4x!ring.fxp<64, 18>>
    // CHECK: [[SHORT:%.*]] = ring.down_cast {{%.*}} {shift = 6 : i64
    // CHECK: ring.exp [[SHORT]] {slack = 2048 : i64, clip_bits = {{[0-9]+}} : i64
    %2 = ring.exp_below %1 {bits = 64 : i64, hi = 21 : i64} : (tensor<4x!ring.fxp<64, 18>>) -> tensor<4x!ring.fxp<64, 18>>
    // CHECK: ring.exp_below %arg0
    %3 = ring.exp_below %arg0 {bits = 64 : i64, hi = 21 : i64} : (tensor<4x!ring.fxp<64, 18>>) -> tensor<4x!ring.fxp<64, 18>>
    return %2, %3 : tensor<4x!ring.fxp<64, 18>>, tensor<4x!ring.fxp<64, 18>>
  }
}
