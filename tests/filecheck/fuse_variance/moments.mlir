// n sum(x^2) - sum(x)^2 is exact and not negative: no comparison; n = 768 is 3/4 of a power of two.
module {
  func.func @main(%arg0: tensor<4x768x!ring.fxp<64, 14>>) -> tensor<4x!ring.fxp<64, 18>> {
    %n = ring.constant dense<1.30208337213844061e-03> : tensor<f64>
    %inverse = ring.encode %n {fraction = 22 : i64} : (tensor<f64>) -> tensor<i64>
    %e = ring.constant dense<0.0078125> : tensor<f64>
    %eps = ring.encode %e {fraction = 24 : i64} : (tensor<f64>) -> tensor<i64>
    %0 = ring.sum %arg0 {dims = array<i64: 1>} : (tensor<4x768x!ring.fxp<64, 14>>) -> tensor<4x!ring.fxp<64, 14>>
    %1 = ring.mul_public %0, %inverse {shift = 18 : i64} : (tensor<4x!ring.fxp<64, 14>>, tensor<i64>) -> tensor<4x!ring.fxp<64, 18>>
    // CHECK: ring.down_cast %arg0 {shift = 3 : i64}
    // CHECK: ring.sum {{.*}} -> tensor<4x!ring.fxp<64, 22>>
    // CHECK: ring.constant dense<768>
    // CHECK: ring.mul_public {{.*}} {shift = 0 : i64}
    %2 = ring.square %arg0 {shift = 4 : i64} : (tensor<4x768x!ring.fxp<64, 14>>) -> tensor<4x768x!ring.fxp<64, 24>>
    %3 = ring.sum %2 {dims = array<i64: 1>} : (tensor<4x768x!ring.fxp<64, 24>>) -> tensor<4x!ring.fxp<64, 24>>
    %4 = ring.mul_public %3, %inverse {shift = 22 : i64} : (tensor<4x!ring.fxp<64, 24>>, tensor<i64>) -> tensor<4x!ring.fxp<64, 24>>
    // CHECK: ring.square {{.*}} {shift = 0 : i64} : (tensor<4x!ring.fxp<64, 11>>) -> tensor<4x!ring.fxp<64, 22>>
    %5 = ring.square %1 {shift = 12 : i64} : (tensor<4x!ring.fxp<64, 18>>) -> tensor<4x!ring.fxp<64, 24>>
    // CHECK: ring.sub
    // CHECK: ring.relabel {{.*}} -> tensor<4x!ring.fxp<64, 42>>
    // CHECK: ring.down_cast {{.*}} {shift = 20 : i64}
    %6 = ring.sub %4, %5 : (tensor<4x!ring.fxp<64, 24>>, tensor<4x!ring.fxp<64, 24>>) -> tensor<4x!ring.fxp<64, 24>>
    // CHECK-NOT: ring.msb
    %7 = ring.msb %6 {bits = 64 : i64, drop = 0 : i64} : (tensor<4x!ring.fxp<64, 24>>) -> tensor<4x!ring.bit>
    %8 = ring.bit_not %7 : (tensor<4x!ring.bit>) -> tensor<4x!ring.bit>
    %9 = ring.bit_mul %8, %6 : (tensor<4x!ring.bit>, tensor<4x!ring.fxp<64, 24>>) -> tensor<4x!ring.fxp<64, 24>>
    // CHECK: ring.constant dense<4.3950
    %10 = ring.add_public %9, %eps : (tensor<4x!ring.fxp<64, 24>>, tensor<i64>) -> tensor<4x!ring.fxp<64, 24>>
    // CHECK: ring.rsqrt {{.*}} {lo = -15 : i64, hi = 13 : i64} : {{.*}} -> tensor<4x!ring.fxp<64, 16>>
    // CHECK: ring.constant dense<7.500{{.*}}> : tensor<f64>
    // CHECK: ring.encode {{.*}} {fraction = 2 : i64}
    // CHECK: ring.mul_public {{.*}} {shift = 0 : i64} : {{.*}} -> tensor<4x!ring.fxp<64, 18>>
    %11 = ring.rsqrt %10 {lo = -14 : i64, hi = 13 : i64} : (tensor<4x!ring.fxp<64, 24>>) -> tensor<4x!ring.fxp<64, 18>>
    return %11 : tensor<4x!ring.fxp<64, 18>>
  }
}
