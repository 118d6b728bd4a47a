// A slab written at a known place: what is before it, the update, what is after it.

func.func @main(%arg0: tensor<3x2x!pphlo.secret<f32>>, %arg1: tensor<1x2x!pphlo.secret<f32>>) -> tensor<3x2x!pphlo.secret<f32>> {
  %0 = pphlo.constant dense<1> : tensor<i32>
  %1 = pphlo.constant dense<0> : tensor<i32>
  %2 = pphlo.dynamic_update_slice %arg0, %arg1, %0, %1 : (tensor<3x2x!pphlo.secret<f32>>, tensor<1x2x!pphlo.secret<f32>>, tensor<i32>, tensor<i32>) -> tensor<3x2x!pphlo.secret<f32>>
  return %2 : tensor<3x2x!pphlo.secret<f32>>
}

// CHECK:      func.func @main
// CHECK-NEXT: %0 = pphlo.slice %arg0 [0:1:1, 0:1:2]
// CHECK-NEXT: %1 = pphlo.slice %arg0 [2:1:3, 0:1:2]
// CHECK-NEXT: %2 = pphlo.concatenate %0, %arg1, %1 dim = 0
// CHECK-NEXT: return %2
