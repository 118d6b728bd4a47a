// A plan of another program is refused.
// PLAN: [{"place": "0", "op": "ring.matmul", "layer": null, "ring": "fxp<64, 18>", "seen": 1.5, "bound": 4.0}]
// ERROR: the plan is of another program: ring.matmul is at 0, and here it is ring.neg
module {
  func.func @main(%arg0: tensor<4x!ring.fxp<64, 18>>) -> tensor<4x!ring.fxp<64, 18>> {
    %0 = ring.neg %arg0 : (tensor<4x!ring.fxp<64, 18>>) -> tensor<4x!ring.fxp<64, 18>>
    return %0 : tensor<4x!ring.fxp<64, 18>>
  }
}
