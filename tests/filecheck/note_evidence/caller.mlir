// What the caller states of an argument may be reached: the bound is the power of two above it. Of the other nothing is
// known.
// RANGES: {"x": 3.0}
module {
  // CHECK: ditto.argument_bounds = array<f64: 4.000000e+00, 0.000000e+00>
  func.func @main(%arg0: tensor<4x!ring.fxp<64, 18>>, %arg1: tensor<4x!ring.fxp<64, 18>>) -> tensor<4x!ring.fxp<64, 18>> attributes {ditto.argument_names = ["x", "y"], ditto.inputs = array<i64: 0, 1>} {
    // CHECK: ring.add %arg0, %arg1 :
    %0 = ring.add %arg0, %arg1 : (tensor<4x!ring.fxp<64, 18>>, tensor<4x!ring.fxp<64, 18>>) -> tensor<4x!ring.fxp<64, 18>>
    return %0 : tensor<4x!ring.fxp<64, 18>>
  }
}
