// A maximum over 16 that drops 4 bits may be short by 4 * 2^4 units of 2^-8, a quarter: its bound, and that of differences
// to it, allow for that. The plan, which saw exact maxima, does not.
// PLAN: [{"place": "0", "op": "ring.max", "layer": null, "ring": "fxp<32, 8>", "seen": 0.01, "bound": 0.5}, {"place": "2", "op": "ring.sub", "layer": null, "ring": "fxp<32, 8>", "seen": 0.01, "bound": 0.5}]
module {
  func.func @main(%arg0: tensor<4x16x!ring.fxp<32, 8>>) -> tensor<4x16x!ring.fxp<32, 14>> {
    // CHECK: ring.max %arg0 {axis = 1 : i64, bits = 32 : i64, drop = 4 : i64, bound = 7.500000e-01 : f64, place = "0"}
    %0 = ring.max %arg0 {axis = 1 : i64, bits = 32 : i64, drop = 4 : i64} : (tensor<4x16x!ring.fxp<32, 8>>) -> tensor<4x!ring.fxp<32, 8>>
    %1 = ring.broadcast %0 {dims = array<i64: 0>} : (tensor<4x!ring.fxp<32, 8>>) -> tensor<4x16x!ring.fxp<32, 8>>
    // CHECK: ring.sub %arg0, {{.*}} {bound = 7.500000e-01 : f64, place = "2"}
    %2 = ring.sub %arg0, %1 : (tensor<4x16x!ring.fxp<32, 8>>, tensor<4x16x!ring.fxp<32, 8>>) -> tensor<4x16x!ring.fxp<32, 8>>
    %3 = ring.exp %2 {slack = 64 : i64} : (tensor<4x16x!ring.fxp<32, 8>>) -> tensor<4x16x!ring.fxp<32, 14>>
    return %3 : tensor<4x16x!ring.fxp<32, 14>>
  }
}
