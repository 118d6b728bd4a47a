// The rounds give a constant: SPU opens what the loop begins with, and the result is public.

func.func @main(%arg0: tensor<6x!pphlo.secret<f32>>) -> (tensor<6xf32>, tensor<6x!pphlo.secret<f32>>) {
  %0 = pphlo.constant dense<1> : tensor<i32>
  %1 = pphlo.constant dense<1.000000e+00> : tensor<6xf32>
  %2 = pphlo.constant dense<0> : tensor<i32>
  %3 = pphlo.convert %arg0 : (tensor<6x!pphlo.secret<f32>>) -> tensor<6xf32>
  %4:2 = pphlo.while(%arg1 = %2, %arg2 = %3) : tensor<i32>, tensor<6xf32>
   cond {
    %6 = pphlo.less %arg1, %0 : (tensor<i32>, tensor<i32>) -> tensor<i1>
    pphlo.return %6 : tensor<i1>
  } do {
    %6 = pphlo.add %arg1, %0 : tensor<i32>
    pphlo.return %6, %1 : tensor<i32>, tensor<6xf32>
  }
  %5 = pphlo.multiply %4#1, %arg0 : (tensor<6xf32>, tensor<6x!pphlo.secret<f32>>) -> tensor<6x!pphlo.secret<f32>>
  return %4#1, %5 : tensor<6xf32>, tensor<6x!pphlo.secret<f32>>
}

// CHECK:      func.func @main(%arg0: tensor<6x!pphlo.secret<f32>>) -> (tensor<6x!pphlo.secret<f32>>, tensor<6x!pphlo.secret<f32>>)
// CHECK:      pphlo.convert %arg0 : tensor<6x!pphlo.secret<f32>>
// CHECK:      pphlo.while{{.*}} : tensor<i32>, tensor<6x!pphlo.secret<f32>>
// CHECK:      %[[ONES:.*]] = pphlo.convert %1 : (tensor<6xf32>) -> tensor<6x!pphlo.secret<f32>>
// CHECK-NEXT: pphlo.return {{.*}}, %[[ONES]] : tensor<i32>, tensor<6x!pphlo.secret<f32>>
