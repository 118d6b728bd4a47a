// What the caller states of an argument prevails over what samples have shown. Without a bound the headroom makes one.
// PLAN: [{"place": "arg0", "op": "argument", "layer": null, "ring": "fxp<64, 18>", "seen": 3.0}, {"place": "arg1", "op": "argument", "layer": null, "ring": "fxp<64, 18>", "seen": 3.0}]
// RANGES: {"x": 100.0}
module {
  // CHECK: ditto.argument_bounds = array<f64: 1.280000e+02, 8.000000e+00>
  func.func @main(%arg0: tensor<4x!ring.fxp<64, 18>>, %arg1: tensor<4x!ring.fxp<64, 18>>) -> tensor<4x!ring.fxp<64, 18>> attributes {ditto.argument_names = ["x", "y"], ditto.inputs = array<i64: 0, 1>} {
    %0 = ring.add %arg0, %arg1 : (tensor<4x!ring.fxp<64, 18>>, tensor<4x!ring.fxp<64, 18>>) -> tensor<4x!ring.fxp<64, 18>>
    return %0 : tensor<4x!ring.fxp<64, 18>>
  }
}
