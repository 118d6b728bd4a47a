// The channels of a convolution are its columns.
module {
  func.func @main(%arg0: tensor<1x32x32x3x!ring.fxp<32, 8>>, %arg1: tensor<2x2x3x64x!ring.fxp<32, 12>>) -> tensor<1x16x16x64x!ring.fxp<32, 8>> attributes {ditto.ranges = array<i64: 16, 16>} {
    // CHECK: [[IMAGE:%.*]] = ring.conv %arg0, %arg1
    // CHECK: [[FLAT:%.*]] = ring.reshape %arg1 {{.*}} -> tensor<1x12x64x!ring.fxp<64, 12>>
    // CHECK: ring.matmul_public [[FLAT]]
    // CHECK: [[KERNEL:%.*]] = ring.reshape {{.*}} -> tensor<2x2x3x1x!ring.fxp<64, 12>>
    // CHECK: ring.conv %arg0, [[KERNEL]] {{.*}}strides = array<i64: 2, 2>
    // CHECK: [[PLACES:%.*]] = ring.reshape [[IMAGE]] {{.*}} -> tensor<1x256x64x!ring.fxp<64, 8>>
    // CHECK: ring.require_sums {{.*}}, [[PLACES]],
    // CHECK-NOT: ring.require_range
    // CHECK: return [[IMAGE]]
    %0 = ring.conv %arg0, %arg1 {shift = 12 : i64, strides = array<i64: 2, 2>, claim = 12288.0 : f64, range = 18 : i64} : (tensor<1x32x32x3x!ring.fxp<32, 8>>, tensor<2x2x3x64x!ring.fxp<32, 12>>) -> tensor<1x16x16x64x!ring.fxp<32, 8>>
    return %0 : tensor<1x16x16x64x!ring.fxp<32, 8>>
  }
}
