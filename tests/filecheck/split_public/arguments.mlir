// A public argument that is used as it is, one that is computed with, a public result; constants stay where they are used.

func.func @main(%arg0: tensor<4x!pphlo.secret<f32>>, %arg1: tensor<4xf32>, %arg2: tensor<4x!pphlo.secret<f32>>) -> (tensor<4xf32>, tensor<4x!pphlo.secret<f32>>) {
  %0 = pphlo.constant dense<2.000000e+00> : tensor<4xf32>
  %1 = pphlo.multiply %arg1, %0 : tensor<4xf32>
  %2 = pphlo.negate %1 : tensor<4xf32>
  %3 = pphlo.multiply %arg0, %2 : (tensor<4x!pphlo.secret<f32>>, tensor<4xf32>) -> tensor<4x!pphlo.secret<f32>>
  %4 = pphlo.add %3, %arg2 : tensor<4x!pphlo.secret<f32>>
  %5 = pphlo.add %4, %arg1 : (tensor<4x!pphlo.secret<f32>>, tensor<4xf32>) -> tensor<4x!pphlo.secret<f32>>
  %6 = pphlo.add %5, %0 : (tensor<4x!pphlo.secret<f32>>, tensor<4xf32>) -> tensor<4x!pphlo.secret<f32>>
  return %1, %6 : tensor<4xf32>, tensor<4x!pphlo.secret<f32>>
}

// CHECK:      func.func @prologue(%arg0: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) attributes {ditto.inputs = array<i64: 1>} {
// CHECK-NEXT:   %0 = pphlo.constant dense<2.000000e+00>
// CHECK-NEXT:   %1 = pphlo.multiply %arg0, %0
// CHECK-NEXT:   %2 = pphlo.negate %1
// CHECK-NEXT:   return %2, %arg0, %1
// CHECK:      func.func @main(%arg0: tensor<4x!pphlo.secret<f32>>, %arg1: tensor<4x!pphlo.secret<f32>>, %arg2: tensor<4xf32>, %arg3: tensor<4xf32>) -> tensor<4x!pphlo.secret<f32>> attributes {ditto.inputs = array<i64: 0, 2>, ditto.outputs = array<i64: -3, 0>} {
// CHECK-NEXT:   %0 = pphlo.constant dense<2.000000e+00>
// CHECK-NEXT:   %1 = pphlo.multiply %arg0, %arg2
// CHECK-NEXT:   %2 = pphlo.add %1, %arg1
// CHECK-NEXT:   %3 = pphlo.add %2, %arg3
// CHECK-NEXT:   %4 = pphlo.add %3, %0
// CHECK-NEXT:   return %4
