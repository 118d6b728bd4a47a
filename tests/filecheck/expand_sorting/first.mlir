// Only the least of four is read: three comparisons of six are left, in two batches.

func.func @main(%arg0: tensor<4x!pphlo.secret<i32>>) -> tensor<1x!pphlo.secret<i32>> {
  %0 = pphlo.simple_sort %arg0  ASC, dim = 0, num_keys = 1 : (tensor<4x!pphlo.secret<i32>>) -> tensor<4x!pphlo.secret<i32>>
  %1 = pphlo.slice %0 [0:1:1] : (tensor<4x!pphlo.secret<i32>>) -> tensor<1x!pphlo.secret<i32>>
  return %1 : tensor<1x!pphlo.secret<i32>>
}

// CHECK: pphlo.less {{.*}} -> tensor<2x
// CHECK: pphlo.less {{.*}} -> tensor<1x
// CHECK-NOT: pphlo.less
