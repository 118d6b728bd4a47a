// ERROR: 'ring.shl' in layer head: a value of up to 65504 with 58 fraction bits does not fit a ring of 64 bits; state smaller ranges=
module {
  func.func @main(%arg0: tensor<4x!ring.fxp<32, 8>>) -> tensor<4x!ring.fxp<32, 58>> {
    %0 = ring.shl %arg0 {bits = 50 : i64, layer = "head"} : (tensor<4x!ring.fxp<32, 8>>) -> tensor<4x!ring.fxp<32, 58>>
    return %0 : tensor<4x!ring.fxp<32, 58>>
  }
}
