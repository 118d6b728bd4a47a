// ERROR: 'ring.square' in layer head: needs 67 bits, a shift of 36 included, where 64 are there; use fewer fraction_bits, or state smaller ranges=
module {
  func.func @main(%arg0: tensor<4x!ring.fxp<64, 36>>) -> tensor<4x!ring.fxp<64, 36>> attributes {ditto.ranges = array<i64: 40>} {
    %0 = ring.square %arg0 {shift = 36 : i64, range = 30 : i64, layer = "head"} : (tensor<4x!ring.fxp<64, 36>>) -> tensor<4x!ring.fxp<64, 36>>
    return %0 : tensor<4x!ring.fxp<64, 36>>
  }
}
