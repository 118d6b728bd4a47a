// An initial value joins its reduction afterwards, and a scalar bound is repeated.

func.func @main(%arg0: tensor<4x!pphlo.secret<f32>>, %arg1: tensor<f32>) -> (tensor<!pphlo.secret<f32>>, tensor<4x!pphlo.secret<f32>>) {
  %0 = pphlo.convert %arg1 : (tensor<f32>) -> tensor<!pphlo.secret<f32>>
  %1 = pphlo.reduce(%arg0 init: %0) applies pphlo.add across dimensions = [0] : (tensor<4x!pphlo.secret<f32>>, tensor<!pphlo.secret<f32>>) -> tensor<!pphlo.secret<f32>>
  %2 = pphlo.clamp %arg1, %arg0, %arg1 : (tensor<f32>, tensor<4x!pphlo.secret<f32>>, tensor<f32>) -> tensor<4x!pphlo.secret<f32>>
  return %1, %2 : tensor<!pphlo.secret<f32>>, tensor<4x!pphlo.secret<f32>>
}

// CHECK: pphlo.constant dense<0.000000e+00> : tensor<f32>
// CHECK: %[[SUM:.*]] = pphlo.reduce
// CHECK-NEXT: pphlo.add %[[SUM]], %arg1
// CHECK: pphlo.broadcast %arg1, dims = []
// CHECK: pphlo.clamp
