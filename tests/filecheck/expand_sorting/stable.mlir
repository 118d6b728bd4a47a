// What follows a key keeps the order of equal keys: positions travel along.

func.func @main(%arg0: tensor<2x!pphlo.secret<i32>>, %arg1: tensor<2x!pphlo.secret<f32>>) -> tensor<2x!pphlo.secret<f32>> {
  %0:2 = pphlo.simple_sort %arg0, %arg1  DES, dim = 0, num_keys = 1 : (tensor<2x!pphlo.secret<i32>>, tensor<2x!pphlo.secret<f32>>) -> (tensor<2x!pphlo.secret<i32>>, tensor<2x!pphlo.secret<f32>>)
  return %0#1 : tensor<2x!pphlo.secret<f32>>
}

// CHECK: %[[PLACES:.*]] = pphlo.constant dense<[0, 1]> : tensor<2xi32>
// CHECK: %[[EARLIER:.*]] = pphlo.less {{.*}} : (tensor<1xi32>, tensor<1xi32>) -> tensor<1xi1>
// CHECK: %[[GREATER:.*]] = pphlo.less
// CHECK: %[[EQUAL:.*]] = pphlo.equal
// CHECK: %[[TIE:.*]] = pphlo.and %[[EQUAL]], %[[EARLIER]]
// CHECK: pphlo.or %[[GREATER]], %[[TIE]]
