// A divisor that cannot be below zero is not asked for its sign: an exponential, a root, sums and greatest elements of
// those, also behind moves. Any other is.
module {
  func.func @main(%arg0: tensor<4x!pphlo.secret<f32>>, %arg1: tensor<4x3x!pphlo.secret<f32>>) -> (tensor<4x!pphlo.secret<f32>>, tensor<4x!pphlo.secret<f32>>, tensor<4x!pphlo.secret<f32>>, tensor<4x!pphlo.secret<f32>>, tensor<4x!pphlo.secret<f32>>) {
    // CHECK: ring.exp_below
    %0 = pphlo.exponential %arg1 : tensor<4x3x!pphlo.secret<f32>>
    %1 = pphlo.constant dense<0.0> : tensor<f32>
    %2 = pphlo.convert %1 : (tensor<f32>) -> tensor<!pphlo.secret<f32>>
    %3 = pphlo.reduce(%0 init: %2) applies pphlo.add across dimensions = [1] : (tensor<4x3x!pphlo.secret<f32>>, tensor<!pphlo.secret<f32>>) -> tensor<4x!pphlo.secret<f32>>
    // CHECK: ring.sum
    // CHECK-NOT: ring.msb
    // CHECK: ring.divide
    %4 = pphlo.divide %arg0, %3 : tensor<4x!pphlo.secret<f32>>
    // CHECK-NOT: ring.msb
    // CHECK: ring.sqrt
    %5 = pphlo.sqrt %arg0 : tensor<4x!pphlo.secret<f32>>
    %6 = pphlo.slice %5 [0:1:2] : (tensor<4x!pphlo.secret<f32>>) -> tensor<2x!pphlo.secret<f32>>
    %7 = pphlo.concatenate %6, %6 dim = 0 : (tensor<2x!pphlo.secret<f32>>, tensor<2x!pphlo.secret<f32>>) -> tensor<4x!pphlo.secret<f32>>
    // CHECK-NOT: ring.msb
    // CHECK: ring.divide
    %8 = pphlo.divide %arg0, %7 : tensor<4x!pphlo.secret<f32>>
    %9 = pphlo.constant dense<0.5> : tensor<4xf32>
    %10 = pphlo.add %5, %9 : (tensor<4x!pphlo.secret<f32>>, tensor<4xf32>) -> tensor<4x!pphlo.secret<f32>>
    // CHECK-NOT: ring.msb
    // CHECK: ring.divide
    %11 = pphlo.divide %arg0, %10 : tensor<4x!pphlo.secret<f32>>
    %12 = pphlo.constant dense<-0.5> : tensor<4xf32>
    %13 = pphlo.add %5, %12 : (tensor<4x!pphlo.secret<f32>>, tensor<4xf32>) -> tensor<4x!pphlo.secret<f32>>
    // CHECK: ring.msb
    // CHECK: ring.divide
    %14 = pphlo.divide %arg0, %13 : tensor<4x!pphlo.secret<f32>>
    // CHECK: ring.msb
    // CHECK: ring.divide
    %15 = pphlo.divide %arg0, %arg0 : tensor<4x!pphlo.secret<f32>>
    return %4, %8, %11, %14, %15 : tensor<4x!pphlo.secret<f32>>, tensor<4x!pphlo.secret<f32>>, tensor<4x!pphlo.secret<f32>>, tensor<4x!pphlo.secret<f32>>, tensor<4x!pphlo.secret<f32>>
  }
}
