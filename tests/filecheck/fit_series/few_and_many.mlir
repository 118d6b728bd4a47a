// A root of few numbers is worth the bits of a series; a reciprocal of many numbers is not, nor one of a long range.
module {
  func.func @main(%arg0: tensor<32x!ring.fxp<64, 20>>, %arg1: tensor<20000x!ring.fxp<64, 14>>) -> (tensor<32x!ring.fxp<64, 14>>, tensor<20000x!ring.fxp<64, 14>>, tensor<32x!ring.fxp<64, 14>>) attributes {ditto.ranges = array<i64: 22, 21>} {
    // CHECK: ring.rsqrt %arg0 {lo = -2 : i64, hi = 2 : i64, range = 16 : i64, series = array<f64: {{.*}}>, table_bits = {{[0-9]+}} : i64, dealt_bits = {{[0-9]+}} : i64}
    %0 = ring.rsqrt %arg0 {lo = -2 : i64, hi = 2 : i64, range = 16 : i64} : (tensor<32x!ring.fxp<64, 20>>) -> tensor<32x!ring.fxp<64, 14>>
    // CHECK: ring.reciprocal %arg1 {lo = 0 : i64, hi = 7 : i64, range = 14 : i64} :
    %1 = ring.reciprocal %arg1 {lo = 0 : i64, hi = 7 : i64, range = 14 : i64} : (tensor<20000x!ring.fxp<64, 14>>) -> tensor<20000x!ring.fxp<64, 14>>
    // CHECK: ring.rsqrt %arg0 {lo = -12 : i64, hi = 2 : i64, range = 20 : i64} :
    %2 = ring.rsqrt %arg0 {lo = -12 : i64, hi = 2 : i64, range = 20 : i64} : (tensor<32x!ring.fxp<64, 20>>) -> tensor<32x!ring.fxp<64, 14>>
    return %0, %1, %2 : tensor<32x!ring.fxp<64, 14>>, tensor<20000x!ring.fxp<64, 14>>, tensor<32x!ring.fxp<64, 14>>
  }
}
