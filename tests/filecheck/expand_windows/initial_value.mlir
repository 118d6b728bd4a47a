// A start that is not neutral takes part once, and is no padding.

func.func @main(%arg0: tensor<2x3x!pphlo.secret<f32>>) -> tensor<2x!pphlo.secret<f32>> {
  %0 = pphlo.constant dense<2.000000e+00> : tensor<f32>
  %1 = pphlo.convert %0 : (tensor<f32>) -> tensor<!pphlo.secret<f32>>
  %2 = pphlo.reduce(%arg0 init: %1) applies pphlo.multiply across dimensions = [1] : (tensor<2x3x!pphlo.secret<f32>>, tensor<!pphlo.secret<f32>>) -> tensor<2x!pphlo.secret<f32>>
  return %2 : tensor<2x!pphlo.secret<f32>>
}

// CHECK: pphlo.multiply {{.*}} : tensor<2x
// CHECK: pphlo.multiply {{.*}} : tensor<2x
// CHECK: %[[START:.*]] = pphlo.broadcast %1, dims = []
// CHECK: pphlo.multiply %[[START]], {{.*}} : tensor<2x
// CHECK-NOT: pphlo.multiply
