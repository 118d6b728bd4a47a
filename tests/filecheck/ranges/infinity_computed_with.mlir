// More than an order is asked of an infinity: no ring holds it.
// ERROR: infinity, or the least number of a dtype, is computed with here
module {
  func.func @main(%arg0: tensor<4x!ring.fxp<32, 8>>) -> tensor<4x!ring.fxp<32, 8>> {
    %0 = ring.constant dense<0x7FF0000000000000> : tensor<f64>
    %1 = ring.encode %0 {fraction = 8 : i64} : (tensor<f64>) -> tensor<i64>
    %2 = ring.add_public %arg0, %1 : (tensor<4x!ring.fxp<32, 8>>, tensor<i64>) -> tensor<4x!ring.fxp<32, 8>>
    %3 = ring.square %2 {shift = 8 : i64} : (tensor<4x!ring.fxp<32, 8>>) -> tensor<4x!ring.fxp<32, 8>>
    return %3 : tensor<4x!ring.fxp<32, 8>>
  }
}
