// What is proven is not guarded.
module {
  func.func @main(%arg0: tensor<4x!ring.fxp<64, 18>>) -> tensor<4x!ring.fxp<64, 18>> attributes {ditto.ranges = array<i64: 20>} {
    // CHECK: [[SQUARE:%.*]] = ring.square
    // CHECK-NEXT: return [[SQUARE]]
    %0 = ring.square %arg0 {shift = 18 : i64, range = 23 : i64} : (tensor<4x!ring.fxp<64, 18>>) -> tensor<4x!ring.fxp<64, 18>>
    return %0 : tensor<4x!ring.fxp<64, 18>>
  }
}
