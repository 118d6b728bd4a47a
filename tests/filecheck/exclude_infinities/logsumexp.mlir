// logsumexp(where=): what is left out is -inf before the exponential, and the maximum is the row's own.

func.func @main(%arg0: tensor<3x4x!pphlo.secret<f32>>, %arg1: tensor<3x4x!pphlo.secret<i1>>) -> tensor<3x!pphlo.secret<f32>> {
  %0 = pphlo.constant dense<0xFF800000> : tensor<f32>
  %1 = pphlo.constant dense<0.000000e+00> : tensor<f32>
  %2 = pphlo.constant dense<0xFF800000> : tensor<3x4xf32>
  %3 = pphlo.constant dense<-3.40282347E+38> : tensor<3xf32>
  %4 = pphlo.constant dense<3.40282347E+38> : tensor<3xf32>
  %5 = pphlo.convert %0 : (tensor<f32>) -> tensor<!pphlo.secret<f32>>
  %6 = pphlo.convert %1 : (tensor<f32>) -> tensor<!pphlo.secret<f32>>
  %7 = pphlo.select %arg1, %arg0, %2 : (tensor<3x4x!pphlo.secret<i1>>, tensor<3x4x!pphlo.secret<f32>>, tensor<3x4xf32>) -> tensor<3x4x!pphlo.secret<f32>>
  %8 = pphlo.reduce(%7 init: %5) applies pphlo.maximum across dimensions = [1] : (tensor<3x4x!pphlo.secret<f32>>, tensor<!pphlo.secret<f32>>) -> tensor<3x!pphlo.secret<f32>>
  %9 = pphlo.less %3, %8 : (tensor<3xf32>, tensor<3x!pphlo.secret<f32>>) -> tensor<3x!pphlo.secret<i1>>
  %10 = pphlo.less %8, %4 : (tensor<3x!pphlo.secret<f32>>, tensor<3xf32>) -> tensor<3x!pphlo.secret<i1>>
  %11 = pphlo.and %9, %10 : tensor<3x!pphlo.secret<i1>>
  %12 = pphlo.multiply %11, %8 : (tensor<3x!pphlo.secret<i1>>, tensor<3x!pphlo.secret<f32>>) -> tensor<3x!pphlo.secret<f32>>
  %13 = pphlo.broadcast %12, dims = [0] : (tensor<3x!pphlo.secret<f32>>) -> tensor<3x4x!pphlo.secret<f32>>
  %14 = pphlo.subtract %arg0, %13 : tensor<3x4x!pphlo.secret<f32>>
  %15 = pphlo.exponential %14 : tensor<3x4x!pphlo.secret<f32>>
  %16 = pphlo.multiply %arg1, %15 : (tensor<3x4x!pphlo.secret<i1>>, tensor<3x4x!pphlo.secret<f32>>) -> tensor<3x4x!pphlo.secret<f32>>
  %17 = pphlo.reduce(%16 init: %6) applies pphlo.add across dimensions = [1] : (tensor<3x4x!pphlo.secret<f32>>, tensor<!pphlo.secret<f32>>) -> tensor<3x!pphlo.secret<f32>>
  %18 = pphlo.abs %17 : tensor<3x!pphlo.secret<f32>>
  %19 = pphlo.log %18 : tensor<3x!pphlo.secret<f32>>
  %20 = pphlo.add %19, %12 : tensor<3x!pphlo.secret<f32>>
  return %20 : tensor<3x!pphlo.secret<f32>>
}

// CHECK-NOT:  pphlo.less
// CHECK:      %[[X:.*]] = pphlo.select %arg1, %arg0
// CHECK:      %[[M:.*]] = pphlo.reduce(%[[X]] init: {{.*}}) applies pphlo.maximum
// CHECK:      %[[B:.*]] = pphlo.broadcast %[[M]]
// CHECK-NEXT: %[[D:.*]] = pphlo.subtract %[[X]], %[[B]]
// CHECK-NEXT: %[[E:.*]] = pphlo.exponential %[[D]]
// CHECK-NOT:  pphlo.multiply
// CHECK:      %[[S:.*]] = pphlo.reduce(%[[E]] init: {{.*}}) applies pphlo.add
// CHECK:      %[[L:.*]] = pphlo.log
// CHECK-NEXT: pphlo.add %[[L]], %[[M]]
