// More than an order is asked of an infinity: no ring holds it.
// ERROR: with 8 fraction bits does not fit a ring of 64 bits
module {
  func.func @main(%arg0: tensor<4x!ring.fxp<32, 8>>) -> tensor<4x!ring.fxp<32, 8>> {
    %0 = ring.constant dense<0x7FF0000000000000> : tensor<f64>
    %1 = ring.encode %0 {fraction = 8 : i64} : (tensor<f64>) -> tensor<i64>
    %2 = ring.add_public %arg0, %1 : (tensor<4x!ring.fxp<32, 8>>, tensor<i64>) -> tensor<4x!ring.fxp<32, 8>>
    %3 = ring.square %2 {shift = 8 : i64} : (tensor<4x!ring.fxp<32, 8>>) -> tensor<4x!ring.fxp<32, 8>>
    return %3 : tensor<4x!ring.fxp<32, 8>>
  }
}
