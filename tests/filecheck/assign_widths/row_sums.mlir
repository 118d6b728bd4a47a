// A sum is widened after it has been taken, a broadcast before it is.
module {
  func.func @main(%arg0: tensor<256x4096x!ring.bit>) -> tensor<256x4096x!ring.fxp<64, 8>> attributes {ditto.ranges = array<i64: 0>} {
    // CHECK: ring.bit_to_fxp %arg0
    %0 = ring.bit_to_fxp %arg0 {range = 1 : i64} : (tensor<256x4096x!ring.bit>) -> tensor<256x4096x!ring.fxp<64, 0>>
    %1 = ring.shl %0 {bits = 8 : i64, range = 9 : i64} : (tensor<256x4096x!ring.fxp<64, 0>>) -> tensor<256x4096x!ring.fxp<64, 8>>
    // CHECK: [[SUM:%.*]] = ring.sum {{.*}} -> tensor<256x!ring.fxp<[[NARROW:[0-9]+]], 8>>
    %2 = ring.sum %1 {dims = array<i64: 1>, range = 21 : i64} : (tensor<256x4096x!ring.fxp<64, 8>>) -> tensor<256x!ring.fxp<64, 8>>
    // CHECK: [[WIDE:%.*]] = ring.up_cast [[SUM]] {{.*}} : (tensor<256x!
    // CHECK: ring.broadcast [[WIDE]]
    %3 = ring.broadcast %2 {dims = array<i64: 0>, range = 21 : i64} : (tensor<256x!ring.fxp<64, 8>>) -> tensor<256x4096x!ring.fxp<64, 8>>
    %4 = ring.square %3 {shift = 8 : i64, range = 34 : i64} : (tensor<256x4096x!ring.fxp<64, 8>>) -> tensor<256x4096x!ring.fxp<64, 8>>
    return %4 : tensor<256x4096x!ring.fxp<64, 8>>
  }
}
