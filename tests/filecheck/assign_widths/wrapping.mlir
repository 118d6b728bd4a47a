// What wraps is made in as many bits as its dtype has, and extended where more are wanted; a conversion costs nothing.
module {
  // CHECK: @main(%arg0: tensor<4x!ring.fxp<8, 0>>)
  func.func @main(%arg0: tensor<4x!ring.fxp<32, 0>>) -> (tensor<4x!ring.bit>, tensor<4x!ring.fxp<32, 0>>, tensor<4x!ring.fxp<64, 18>>) attributes {ditto.ranges = array<i64: 7>} {
    // CHECK: [[SUM:%.*]] = ring.add %arg0, %arg0 {{.*}} -> tensor<4x!ring.fxp<8, 0>>
    %0 = ring.add %arg0, %arg0 {wrap = 8 : i64, range = 7 : i64} : (tensor<4x!ring.fxp<32, 0>>, tensor<4x!ring.fxp<32, 0>>) -> tensor<4x!ring.fxp<32, 0>>
    // CHECK: ring.msb [[SUM]]
    %1 = ring.msb %0 {bits = 8 : i64, drop = 0 : i64} : (tensor<4x!ring.fxp<32, 0>>) -> tensor<4x!ring.bit>
    // CHECK: [[FOUR:%.*]] = ring.narrow [[SUM]] {wrap = 4 : i64} : (tensor<4x!ring.fxp<8, 0>>) -> tensor<4x!ring.fxp<4, 0>>
    // CHECK-NOT: ring.wrap
    %2 = ring.wrap %0 {wrap = 4 : i64, range = 3 : i64} : (tensor<4x!ring.fxp<32, 0>>) -> tensor<4x!ring.fxp<32, 0>>
    // CHECK: [[WIDE:%.*]] = ring.extend [[SUM]] {bits = 8 : i64, {{.*}} : (tensor<4x!ring.fxp<8, 0>>) -> tensor<4x!ring.fxp<27, 0>>
    // CHECK: ring.shl [[WIDE]]
    %3 = ring.shl %0 {bits = 18 : i64, range = 26 : i64} : (tensor<4x!ring.fxp<32, 0>>) -> tensor<4x!ring.fxp<64, 18>>
    return %1, %2, %3 : tensor<4x!ring.bit>, tensor<4x!ring.fxp<32, 0>>, tensor<4x!ring.fxp<64, 18>>
  }
}
