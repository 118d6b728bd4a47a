// An infinity that reaches a result is as large as an order asks, and the result's numbers of that size are infinite again.
module {
  // CHECK: ditto.infinite_results = array<i64: [[EXPONENT:[0-9]+]]>
  func.func @main(%arg0: tensor<4x!ring.fxp<32, 8>>) -> tensor<4x!ring.fxp<32, 8>> {
    %0 = ring.constant dense<0x7FF0000000000000> : tensor<f64>
    // CHECK: ring.encode {{.*}} {fraction = 8 : i64, mask = [[EXPONENT]] : i64}
    %1 = ring.encode %0 {fraction = 8 : i64} : (tensor<f64>) -> tensor<i64>
    %2 = ring.add_public %arg0, %1 : (tensor<4x!ring.fxp<32, 8>>, tensor<i64>) -> tensor<4x!ring.fxp<32, 8>>
    return %2 : tensor<4x!ring.fxp<32, 8>>
  }
}
