// Integers that stay within their dtype lose the note that they wrap; those that may not keep it, and are its size.
module {
  func.func @main(%arg0: tensor<4x!ring.fxp<32, 0>>, %arg1: tensor<4x!ring.bit>) -> (tensor<4x!ring.fxp<32, 0>>, tensor<4x!ring.fxp<32, 0>>, tensor<4x!ring.fxp<32, 0>>) attributes {ditto.argument_types = ["i8", "i1"]} {
    // CHECK: [[BIT:%.*]] = ring.bit_to_fxp
    %0 = ring.bit_to_fxp %arg1 : (tensor<4x!ring.bit>) -> tensor<4x!ring.fxp<32, 0>>
    // CHECK: ring.add [[BIT]], [[BIT]] {range = 2 : i64}
    %1 = ring.add %0, %0 {wrap = 8 : i64} : (tensor<4x!ring.fxp<32, 0>>, tensor<4x!ring.fxp<32, 0>>) -> tensor<4x!ring.fxp<32, 0>>
    // CHECK: [[SUM:%.*]] = ring.add %arg0, %arg0 {wrap = 8 : i64, range = 7 : i64}
    %2 = ring.add %arg0, %arg0 {wrap = 8 : i64} : (tensor<4x!ring.fxp<32, 0>>, tensor<4x!ring.fxp<32, 0>>) -> tensor<4x!ring.fxp<32, 0>>
    // Nothing is left of a conversion into a dtype that holds its operand.
    %3 = ring.wrap %2 {wrap = 16 : i64} : (tensor<4x!ring.fxp<32, 0>>) -> tensor<4x!ring.fxp<32, 0>>
    // CHECK-NEXT: ring.wrap [[SUM]] {wrap = 4 : i64, range = 3 : i64}
    %4 = ring.wrap %3 {wrap = 4 : i64} : (tensor<4x!ring.fxp<32, 0>>) -> tensor<4x!ring.fxp<32, 0>>
    // CHECK: return {{.*}}, [[SUM]], {{.*}}
    return %1, %3, %4 : tensor<4x!ring.fxp<32, 0>>, tensor<4x!ring.fxp<32, 0>>, tensor<4x!ring.fxp<32, 0>>
  }
}
