// An infinity that reaches a result, not only an order, is refused.
// ERROR: 'ring.add_public': a value of up to 1.79769e+308 with 8 fraction bits does not fit a ring of 64 bits
module {
  func.func @main(%arg0: tensor<4x!ring.fxp<32, 8>>) -> tensor<4x!ring.fxp<32, 8>> {
    %0 = ring.constant dense<0x7FF0000000000000> : tensor<f64>
    %1 = ring.encode %0 {fraction = 8 : i64} : (tensor<f64>) -> tensor<i64>
    %2 = ring.add_public %arg0, %1 : (tensor<4x!ring.fxp<32, 8>>, tensor<i64>) -> tensor<4x!ring.fxp<32, 8>>
    return %2 : tensor<4x!ring.fxp<32, 8>>
  }
}
