// A mask is as large as what it is compared with asks, 2 * 2^4 + 32 -> 2^7, whatever another one has to be; where more
// than an order is asked of an infinity it stays what it is.
module {
  func.func @main(%arg0: tensor<4x8x!ring.fxp<32, 8>>, %arg1: tensor<4x!ring.fxp<32, 8>>) -> (tensor<4x!ring.fxp<32, 8>>, tensor<4x!ring.bit>) attributes {ditto.argument_bounds = array<f64: 16.0, 1024.0>} {
    %0 = ring.constant dense<-3.40282347E+38> : tensor<f64>
    // CHECK: ring.encode {{.*}} {fraction = 8 : i64, mask = 7 : i64}
    %1 = ring.encode %0 {fraction = 8 : i64} : (tensor<f64>) -> tensor<i64>
    %2 = ring.add_public %arg0, %1 : (tensor<4x8x!ring.fxp<32, 8>>, tensor<i64>) -> tensor<4x8x!ring.fxp<32, 8>>
    // CHECK: ring.max {{.*}} bits = 14 : i64
    %3 = ring.max %2 {axis = 1 : i64, bits = 32 : i64, drop = 0 : i64} : (tensor<4x8x!ring.fxp<32, 8>>) -> tensor<4x!ring.fxp<32, 8>>
    %4 = ring.msb %3 {bits = 32 : i64, drop = 0 : i64} : (tensor<4x!ring.fxp<32, 8>>) -> tensor<4x!ring.bit>
    // CHECK: ring.encode {{.*}} {fraction = 8 : i64, mask = 12 : i64}
    %5 = ring.constant dense<1.0E+10> : tensor<f64>
    %6 = ring.encode %5 {fraction = 8 : i64} : (tensor<f64>) -> tensor<i64>
    %7 = ring.add_public %arg1, %6 : (tensor<4x!ring.fxp<32, 8>>, tensor<i64>) -> tensor<4x!ring.fxp<32, 8>>
    %8 = ring.msb %7 {bits = 32 : i64, drop = 0 : i64} : (tensor<4x!ring.fxp<32, 8>>) -> tensor<4x!ring.bit>
    %9 = ring.bit_xor %4, %8 : (tensor<4x!ring.bit>, tensor<4x!ring.bit>) -> tensor<4x!ring.bit>
    return %arg1, %9 : tensor<4x!ring.fxp<32, 8>>, tensor<4x!ring.bit>
  }
}
