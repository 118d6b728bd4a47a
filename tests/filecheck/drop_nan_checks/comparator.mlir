// JAX's comparator of floats asks for NaN and makes -0 a 0; one comparison is left.

func.func @main(%arg0: tensor<4x!pphlo.secret<f32>>) -> tensor<4x!pphlo.secret<f32>> {
  %0 = pphlo.constant dense<0.000000e+00> : tensor<f32>
  %1 = pphlo.constant dense<0x7FC00000> : tensor<f32>
  %2 = "pphlo.sort"(%arg0) <{dimension = 0 : i64, is_stable = false}> ({
  ^bb0(%arg1: tensor<!pphlo.secret<f32>>, %arg2: tensor<!pphlo.secret<f32>>):
    %3 = pphlo.equal %arg1, %arg1 : (tensor<!pphlo.secret<f32>>, tensor<!pphlo.secret<f32>>) -> tensor<!pphlo.secret<i1>>
    %4 = pphlo.broadcast_as %0, %arg1 : (tensor<f32>, tensor<!pphlo.secret<f32>>) -> tensor<f32>
    %5 = pphlo.equal %arg1, %4 : (tensor<!pphlo.secret<f32>>, tensor<f32>) -> tensor<!pphlo.secret<i1>>
    %6 = pphlo.select %5, %0, %arg1 : (tensor<!pphlo.secret<i1>>, tensor<f32>, tensor<!pphlo.secret<f32>>) -> tensor<!pphlo.secret<f32>>
    %7 = pphlo.select %3, %6, %1 : (tensor<!pphlo.secret<i1>>, tensor<!pphlo.secret<f32>>, tensor<f32>) -> tensor<!pphlo.secret<f32>>
    %8 = pphlo.less %7, %arg2 : (tensor<!pphlo.secret<f32>>, tensor<!pphlo.secret<f32>>) -> tensor<!pphlo.secret<i1>>
    pphlo.return %8 : tensor<!pphlo.secret<i1>>
  }) : (tensor<4x!pphlo.secret<f32>>) -> tensor<4x!pphlo.secret<f32>>
  return %2 : tensor<4x!pphlo.secret<f32>>
}

// CHECK: "pphlo.sort"
// CHECK: pphlo.less %arg1, %arg2
// CHECK-NEXT: pphlo.return
