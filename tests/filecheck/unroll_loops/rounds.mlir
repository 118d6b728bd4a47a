// Two rounds; indices become constants and dynamic slices become slices.

func.func @main(%arg0: tensor<2x4x!pphlo.secret<f32>>, %arg1: tensor<1x4x!pphlo.secret<f32>>) -> tensor<1x4x!pphlo.secret<f32>> {
  %0 = pphlo.constant dense<0> : tensor<i32>
  %1 = pphlo.constant dense<1> : tensor<i32>
  %2 = pphlo.constant dense<2> : tensor<i32>
  %3:2 = pphlo.while(%arg2 = %0, %arg3 = %arg1) : tensor<i32>, tensor<1x4x!pphlo.secret<f32>>
   cond {
    %4 = pphlo.less %arg2, %2 : (tensor<i32>, tensor<i32>) -> tensor<i1>
    pphlo.return %4 : tensor<i1>
  } do {
    %4 = pphlo.add %arg2, %1 : tensor<i32>
    %5 = pphlo.dynamic_slice %arg0, %arg2, %0 sizes = [1, 4] : (tensor<2x4x!pphlo.secret<f32>>, tensor<i32>, tensor<i32>) -> tensor<1x4x!pphlo.secret<f32>>
    %6 = pphlo.multiply %arg3, %5 : tensor<1x4x!pphlo.secret<f32>>
    pphlo.return %4, %6 : tensor<i32>, tensor<1x4x!pphlo.secret<f32>>
  }
  return %3#1 : tensor<1x4x!pphlo.secret<f32>>
}

// CHECK-NOT:  pphlo.while
// CHECK:      %0 = pphlo.slice %arg0 [0:1:1, 0:1:4]
// CHECK-NEXT: %1 = pphlo.multiply %arg1, %0
// CHECK-NEXT: %2 = pphlo.slice %arg0 [1:1:2, 0:1:4]
// CHECK-NEXT: %3 = pphlo.multiply %1, %2
// CHECK-NEXT: return %3
