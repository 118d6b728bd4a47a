// What is made with a bit to spare, for the cast that the product needs, is looked at in one bit more, of which half is legal.
module {
  func.func @main(%arg0: tensor<1x2x2x!ring.fxp<32, 8>>, %arg1: tensor<1x2x2x!ring.fxp<32, 8>>) -> (tensor<1x2x2x!ring.fxp<32, 8>>, tensor<1x2x2x!ring.fxp<32, 8>>) attributes {ditto.ranges = array<i64: 12, 12>} {
    // CHECK: ring.matmul {{.*}} -> tensor<1x2x2x!ring.fxp<14, 8>>
    %0 = ring.matmul %arg0, %arg1 {shift = 8 : i64, range = 12 : i64} : (tensor<1x2x2x!ring.fxp<32, 8>>, tensor<1x2x2x!ring.fxp<32, 8>>) -> tensor<1x2x2x!ring.fxp<32, 8>>
    // CHECK: ring.require_range {{.*}} {bits = 14 : i64, legal = 2 : i64
    %1 = ring.require_range %0 {bits = 13 : i64, legal = 3 : i64, range = 12 : i64} : (tensor<1x2x2x!ring.fxp<32, 8>>) -> tensor<1x2x2x!ring.fxp<32, 8>>
    %2 = ring.square %1 {shift = 8 : i64, range = 16 : i64} : (tensor<1x2x2x!ring.fxp<32, 8>>) -> tensor<1x2x2x!ring.fxp<32, 8>>
    // CHECK: ring.matmul {{.*}} -> tensor<1x2x2x!ring.fxp<13, 8>>
    %3 = ring.matmul %arg0, %arg1 {shift = 8 : i64, range = 12 : i64} : (tensor<1x2x2x!ring.fxp<32, 8>>, tensor<1x2x2x!ring.fxp<32, 8>>) -> tensor<1x2x2x!ring.fxp<32, 8>>
    // CHECK: ring.require_range {{.*}} {bits = 13 : i64, legal = 3 : i64
    %4 = ring.require_range %3 {bits = 13 : i64, legal = 3 : i64, range = 12 : i64} : (tensor<1x2x2x!ring.fxp<32, 8>>) -> tensor<1x2x2x!ring.fxp<32, 8>>
    return %2, %4 : tensor<1x2x2x!ring.fxp<32, 8>>, tensor<1x2x2x!ring.fxp<32, 8>>
  }
}
