// One match a window; both marks are bits of it, and each element gets what its mark lets through.

func.func @main(%arg0: tensor<2x!pphlo.secret<f32>>, %arg1: tensor<1x!pphlo.secret<f32>>) -> (tensor<1x!pphlo.secret<f32>>, tensor<2x!pphlo.secret<f32>>) {
  %0:2 = pphlo.argmax %arg0 {window_dilations = array<i64: 1>, window_dimensions = array<i64: 2>, window_strides = array<i64: 2>} : (tensor<2x!pphlo.secret<f32>>) -> (tensor<1x!pphlo.secret<f32>>, tensor<1x2x!pphlo.secret<i1>>)
  %1 = pphlo.maxpool_scatter %0#1, %arg1 {window_dimensions = array<i64: 2>, window_strides = array<i64: 2>} : (tensor<1x2x!pphlo.secret<i1>>, tensor<1x!pphlo.secret<f32>>) -> tensor<2x!pphlo.secret<f32>>
  return %0#0, %1 : tensor<1x!pphlo.secret<f32>>, tensor<2x!pphlo.secret<f32>>
}

// CHECK: %[[A:.*]] = pphlo.slice %arg0 [0:1:1]
// CHECK: %[[B:.*]] = pphlo.slice %arg0 [1:1:2]
// CHECK: %[[LESS:.*]] = pphlo.less %[[A]], %[[B]]
// CHECK: %[[KEPT:.*]] = pphlo.not %[[LESS]]
// CHECK: pphlo.select %[[KEPT]], %[[A]], %[[B]]
// CHECK: pphlo.not %[[KEPT]]
// CHECK: pphlo.multiply
// CHECK-NOT: pphlo.argmax
// CHECK-NOT: pphlo.maxpool_scatter
