// Sums and products of integers wrap at the ends of their dtype, where they can reach them; a comparison is exact.
module {
  func.func @main(%arg0: tensor<4x!pphlo.secret<i8>>, %arg1: tensor<4x!pphlo.secret<i64>>, %arg2: tensor<4x!pphlo.secret<i1>>) -> (tensor<4x!pphlo.secret<i8>>, tensor<4x!pphlo.secret<i1>>, tensor<4x!pphlo.secret<i8>>, tensor<4x!pphlo.secret<i8>>, tensor<4x!pphlo.secret<i1>>) {
    // CHECK: ring.add %arg0, %arg0 {wrap = 8 : i64}
    %0 = pphlo.add %arg0, %arg0 : tensor<4x!pphlo.secret<i8>>
    // CHECK: [[DIFFERENCE:%.*]] = ring.sub %arg0, {{%[0-9]*}} : (
    // CHECK: ring.msb [[DIFFERENCE]]
    %1 = pphlo.less %arg0, %0 : (tensor<4x!pphlo.secret<i8>>, tensor<4x!pphlo.secret<i8>>) -> tensor<4x!pphlo.secret<i1>>
    // CHECK: ring.wrap %arg1 {wrap = 8 : i64}
    %2 = pphlo.convert %arg1 : (tensor<4x!pphlo.secret<i64>>) -> tensor<4x!pphlo.secret<i8>>
    // CHECK: [[NUMBER:%.*]] = ring.bit_to_fxp %arg2
    %3 = pphlo.convert %arg2 : (tensor<4x!pphlo.secret<i1>>) -> tensor<4x!pphlo.secret<i8>>
    // CHECK: ring.add [[NUMBER]], [[NUMBER]] : (
    %4 = pphlo.add %3, %3 : tensor<4x!pphlo.secret<i8>>
    // No ring holds every difference of 64-bit integers: signs decide where they differ.
    // CHECK: ring.sub {{.*}} {wrap = 64 : i64}
    // CHECK-COUNT-3: ring.msb
    // CHECK: ring.bit_and
    %5 = pphlo.multiply %arg1, %arg1 : tensor<4x!pphlo.secret<i64>>
    %6 = pphlo.less %arg1, %5 : (tensor<4x!pphlo.secret<i64>>, tensor<4x!pphlo.secret<i64>>) -> tensor<4x!pphlo.secret<i1>>
    return %0, %1, %2, %4, %6 : tensor<4x!pphlo.secret<i8>>, tensor<4x!pphlo.secret<i1>>, tensor<4x!pphlo.secret<i8>>, tensor<4x!pphlo.secret<i8>>, tensor<4x!pphlo.secret<i1>>
  }
}
