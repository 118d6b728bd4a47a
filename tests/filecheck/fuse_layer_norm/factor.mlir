// gamma / sigma keeps 12 fraction bits, gamma 14; the product with the centred values shifts by six less. A product with
// what is not centred may be large, and keeps its factor's.
module {
  func.func @main(%arg0: tensor<4x768x!ring.fxp<64, 12>>, %arg1: tensor<4x768x!ring.fxp<64, 18>>, %arg2: tensor<4x!ring.fxp<64, 18>>, %arg3: tensor<4x768x!ring.fxp<64, 12>>) -> (tensor<4x768x!ring.fxp<64, 18>>, tensor<4x768x!ring.fxp<64, 18>>) {
    %0 = ring.rsqrt %arg2 {lo = -14 : i64, hi = 13 : i64} : (tensor<4x!ring.fxp<64, 18>>) -> tensor<4x!ring.fxp<64, 18>>
    %1 = ring.broadcast %0 {dims = array<i64: 0>} : (tensor<4x!ring.fxp<64, 18>>) -> tensor<4x768x!ring.fxp<64, 18>>
    // CHECK: %[[X:.*]] = ring.sub
    %2 = ring.sub %arg0, %arg3 : (tensor<4x768x!ring.fxp<64, 12>>, tensor<4x768x!ring.fxp<64, 12>>) -> tensor<4x768x!ring.fxp<64, 12>>
    // CHECK: ring.down_cast %arg1 {shift = 4 : i64}
    // CHECK: ring.mul {{.*}} {shift = 20 : i64} : {{.*}} -> tensor<4x768x!ring.fxp<64, 12>>
    %3 = ring.mul %1, %arg1 {shift = 18 : i64} : (tensor<4x768x!ring.fxp<64, 18>>, tensor<4x768x!ring.fxp<64, 18>>) -> tensor<4x768x!ring.fxp<64, 18>>
    // CHECK: ring.mul %[[X]], {{.*}} {shift = 6 : i64} : {{.*}} -> tensor<4x768x!ring.fxp<64, 18>>
    %4 = ring.mul %2, %3 {shift = 12 : i64} : (tensor<4x768x!ring.fxp<64, 12>>, tensor<4x768x!ring.fxp<64, 18>>) -> tensor<4x768x!ring.fxp<64, 18>>
    // CHECK: ring.mul {{.*}} {shift = 18 : i64}
    %5 = ring.mul %1, %arg1 {shift = 18 : i64} : (tensor<4x768x!ring.fxp<64, 18>>, tensor<4x768x!ring.fxp<64, 18>>) -> tensor<4x768x!ring.fxp<64, 18>>
    // CHECK: ring.mul %arg0, {{.*}} {shift = 12 : i64}
    %6 = ring.mul %arg0, %5 {shift = 12 : i64} : (tensor<4x768x!ring.fxp<64, 12>>, tensor<4x768x!ring.fxp<64, 18>>) -> tensor<4x768x!ring.fxp<64, 18>>
    return %4, %6 : tensor<4x768x!ring.fxp<64, 18>>, tensor<4x768x!ring.fxp<64, 18>>
  }
}
