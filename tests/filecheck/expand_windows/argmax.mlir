// A pair that looks like argmax, but counts: it is written out, not taken for one.

func.func @main(%arg0: tensor<2x3x!pphlo.secret<f32>>) -> tensor<2x!pphlo.secret<i32>> {
  %0 = pphlo.constant dense<0xFF800000> : tensor<f32>
  %1 = pphlo.constant dense<0> : tensor<i32>
  %2 = pphlo.iota dim = 0 : tensor<3xi32>
  %3 = pphlo.broadcast %2, dims = [1] : (tensor<3xi32>) -> tensor<2x3xi32>
  %4 = pphlo.convert %3 : (tensor<2x3xi32>) -> tensor<2x3x!pphlo.secret<i32>>
  %5 = pphlo.convert %0 : (tensor<f32>) -> tensor<!pphlo.secret<f32>>
  %6 = pphlo.convert %1 : (tensor<i32>) -> tensor<!pphlo.secret<i32>>
  %7:2 = pphlo.reduce(%arg0 init: %5), (%4 init: %6) across dimensions = [1] : (tensor<2x3x!pphlo.secret<f32>>, tensor<2x3x!pphlo.secret<i32>>, tensor<!pphlo.secret<f32>>, tensor<!pphlo.secret<i32>>) -> (tensor<2x!pphlo.secret<f32>>, tensor<2x!pphlo.secret<i32>>)
   reducer(%arg1: tensor<!pphlo.secret<f32>>, %arg3: tensor<!pphlo.secret<f32>>) (%arg2: tensor<!pphlo.secret<i32>>, %arg4: tensor<!pphlo.secret<i32>>)  {
    %8 = pphlo.less %arg3, %arg1 : (tensor<!pphlo.secret<f32>>, tensor<!pphlo.secret<f32>>) -> tensor<!pphlo.secret<i1>>
    %9 = pphlo.select %8, %arg1, %arg3 : (tensor<!pphlo.secret<i1>>, tensor<!pphlo.secret<f32>>, tensor<!pphlo.secret<f32>>) -> tensor<!pphlo.secret<f32>>
    %10 = pphlo.add %arg2, %arg4 : tensor<!pphlo.secret<i32>>
    pphlo.return %9, %10 : tensor<!pphlo.secret<f32>>, tensor<!pphlo.secret<i32>>
  }
  return %7#1 : tensor<2x!pphlo.secret<i32>>
}

// CHECK-NOT: pphlo.reduce
// CHECK: pphlo.add {{.*}} : tensor<2x!pphlo.secret<i32>>
// CHECK: pphlo.add {{.*}} : tensor<2x!pphlo.secret<i32>>
