// What samples have shown of a product is written beside it, of an argument on @main.
// PLAN: [{"place": "arg1", "op": "argument", "layer": null, "ring": "fxp<64, 18>", "seen": 3.0, "bound": 8.0}, {"place": "0", "op": "ring.mul", "layer": null, "ring": "fxp<64, 18>", "seen": 1.5, "bound": 4.0}]
module {
  // CHECK: ditto.argument_bounds = array<f64: 0.000000e+00, 8.000000e+00>
  func.func @main(%arg0: tensor<4x!ring.fxp<64, 18>>, %arg1: tensor<4x!ring.fxp<64, 18>>) -> tensor<4x!ring.fxp<64, 18>> {
    // CHECK: ring.mul %arg0, %arg1 {shift = 18 : i64, bound = 4.000000e+00 : f64, place = "0"}
    %0 = ring.mul %arg0, %arg1 {shift = 18 : i64} : (tensor<4x!ring.fxp<64, 18>>, tensor<4x!ring.fxp<64, 18>>) -> tensor<4x!ring.fxp<64, 18>>
    // CHECK: ring.neg {{%[0-9]+}} : {{.*}}
    %1 = ring.neg %0 : (tensor<4x!ring.fxp<64, 18>>) -> tensor<4x!ring.fxp<64, 18>>
    return %1 : tensor<4x!ring.fxp<64, 18>>
  }
}
