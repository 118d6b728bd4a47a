// The turns of a number take 14 bits more than its range.
// ERROR: 'ring.sine' in layer head: needs 65 bits, where 64 are there; use fewer fraction_bits, or state smaller ranges=
module {
  func.func @main(%arg0: tensor<4x!ring.fxp<64, 18>>) -> tensor<4x!ring.fxp<64, 16>> attributes {ditto.ranges = array<i64: 53>} {
    %0 = ring.sine %arg0 {amplitudes = [0.0, 1.0], range = 17 : i64, layer = "head"} : (tensor<4x!ring.fxp<64, 18>>) -> tensor<4x!ring.fxp<64, 16>>
    return %0 : tensor<4x!ring.fxp<64, 16>>
  }
}
