// The first product rests in 20 bits and is widened once for both that follow; arguments are shared as wide as needed.
module {
  // CHECK: func.func @main(%arg0: tensor<1x4x8x!ring.fxp<32, 8>>, %arg1: tensor<1x8x8x!ring.fxp<32, 12>>)
  func.func @main(%arg0: tensor<1x4x8x!ring.fxp<32, 8>>, %arg1: tensor<1x8x8x!ring.fxp<32, 12>>) -> (tensor<1x4x8x!ring.fxp<32, 8>>, tensor<1x4x8x!ring.fxp<32, 8>>) attributes {ditto.ranges = array<i64: 18, 22>} {
    // CHECK: [[FIRST:%.*]] = ring.matmul %arg0, %arg1 {{.*}} -> tensor<1x4x8x!ring.fxp<20, 8>>
    %0 = ring.matmul %arg0, %arg1 {shift = 12 : i64, range = 18 : i64} : (tensor<1x4x8x!ring.fxp<32, 8>>, tensor<1x8x8x!ring.fxp<32, 12>>) -> tensor<1x4x8x!ring.fxp<32, 8>>
    // CHECK: [[WIDE:%.*]] = ring.up_cast [[FIRST]] {{.*}} -> tensor<1x4x8x!ring.fxp<31, 8>>
    // CHECK: ring.matmul [[WIDE]], %arg1 {{.*}} -> tensor<1x4x8x!ring.fxp<19, 8>>
    %1 = ring.matmul %0, %arg1 {shift = 12 : i64, range = 18 : i64} : (tensor<1x4x8x!ring.fxp<32, 8>>, tensor<1x8x8x!ring.fxp<32, 12>>) -> tensor<1x4x8x!ring.fxp<32, 8>>
    // CHECK-NOT: ring.up_cast
    // CHECK: ring.square [[WIDE]] {{.*}} -> tensor<1x4x8x!ring.fxp<19, 8>>
    %2 = ring.square %0 {shift = 8 : i64, range = 18 : i64} : (tensor<1x4x8x!ring.fxp<32, 8>>) -> tensor<1x4x8x!ring.fxp<32, 8>>
    return %1, %2 : tensor<1x4x8x!ring.fxp<32, 8>>, tensor<1x4x8x!ring.fxp<32, 8>>
  }
}
