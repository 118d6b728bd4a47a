// A guard of sums lets pass what is less than three times its range and read rightly: it is returned with room for that.
module {
  func.func @main(%arg0: tensor<1x8x4x!ring.fxp<64, 8>>, %arg1: tensor<1x4x3x!ring.fxp<64, 8>>) -> tensor<8x3x!ring.fxp<64, 8>> attributes {ditto.ranges = array<i64: 14, 14>} {
    // CHECK: [[PRODUCT:%.*]] = ring.matmul {{.*}} -> tensor<1x8x3x!ring.fxp<21, 8>>
    %0 = ring.matmul %arg0, %arg1 {shift = 8 : i64, range = 18 : i64} : (tensor<1x8x4x!ring.fxp<64, 8>>, tensor<1x4x3x!ring.fxp<64, 8>>) -> tensor<1x8x3x!ring.fxp<64, 8>>
    %1 = ring.constant dense<[[[1], [3], [-5]]]> : tensor<1x3x1xi64>
    %2 = ring.matmul_public %arg1, %1 {shift = 0 : i64, range = 18 : i64} : (tensor<1x4x3x!ring.fxp<64, 8>>, tensor<1x3x1xi64>) -> tensor<1x4x1x!ring.fxp<64, 8>>
    %3 = ring.matmul %arg0, %2 {shift = 8 : i64, range = 26 : i64, modular = 1 : i64} : (tensor<1x8x4x!ring.fxp<64, 8>>, tensor<1x4x1x!ring.fxp<64, 8>>) -> tensor<1x8x1x!ring.fxp<64, 8>>
    // CHECK: [[READ:%.*]] = ring.narrow [[PRODUCT]] : {{.*}} -> tensor<1x8x3x!ring.fxp<20, 8>>
    // CHECK: ring.require_sums {{.*}}, [[READ]], {{.*}} {bits = 20
    %4 = ring.require_sums %3, %0, %1 {bits = 20 : i64, range = 26 : i64, modular = 1 : i64} : (tensor<1x8x1x!ring.fxp<64, 8>>, tensor<1x8x3x!ring.fxp<64, 8>>, tensor<1x3x1xi64>) -> tensor<1x8x1x!ring.fxp<64, 8>>
    %5 = ring.reshape %0 {range = 18 : i64} : (tensor<1x8x3x!ring.fxp<64, 8>>) -> tensor<8x3x!ring.fxp<64, 8>>
    // CHECK: return {{.*}} : tensor<8x3x!ring.fxp<21, 8>>
    return %5 : tensor<8x3x!ring.fxp<64, 8>>
  }
}
