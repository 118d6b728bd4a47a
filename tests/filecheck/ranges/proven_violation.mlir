// ERROR: 'ring.add_public' in layer head: a value of up to 1e+18 with 8 fraction bits does not fit a ring of 64 bits; state smaller ranges=
module {
  func.func @main(%arg0: tensor<4x!ring.bit>) -> tensor<4x!ring.fxp<32, 8>> {
    %0 = ring.constant dense<1.000000e+18> : tensor<f64>
    %1 = ring.encode %0 {fraction = 8 : i64} : (tensor<f64>) -> tensor<i64>
    %2 = ring.bit_to_fxp %arg0 : (tensor<4x!ring.bit>) -> tensor<4x!ring.fxp<32, 0>>
    %3 = ring.shl %2 {bits = 8 : i64} : (tensor<4x!ring.fxp<32, 0>>) -> tensor<4x!ring.fxp<32, 8>>
    %4 = ring.add_public %3, %1 {layer = "head"} : (tensor<4x!ring.fxp<32, 8>>, tensor<i64>) -> tensor<4x!ring.fxp<32, 8>>
    return %4 : tensor<4x!ring.fxp<32, 8>>
  }
}
