// One comparison, both elements selected by its bit.

func.func @main(%arg0: tensor<2x!pphlo.secret<i32>>) -> tensor<2x!pphlo.secret<i32>> {
  %0 = pphlo.simple_sort %arg0  ASC, dim = 0, num_keys = 1 : (tensor<2x!pphlo.secret<i32>>) -> tensor<2x!pphlo.secret<i32>>
  return %0 : tensor<2x!pphlo.secret<i32>>
}

// CHECK: %[[A:.*]] = pphlo.slice %arg0 [0:1:1]
// CHECK: %[[B:.*]] = pphlo.slice %arg0 [1:1:2]
// CHECK: %[[C:.*]] = pphlo.less %[[B]], %[[A]]
// CHECK: %[[LOW:.*]] = pphlo.select %[[C]], %[[B]], %[[A]]
// CHECK: %[[HIGH:.*]] = pphlo.select %[[C]], %[[A]], %[[B]]
// CHECK: pphlo.concatenate %[[LOW]], %[[HIGH]] dim = 0
