// The body of a maximum over a dimension, and a difference.

func.func @main(%arg0: tensor<2x4x!pphlo.secret<f16>>, %arg1: tensor<!pphlo.secret<f16>>) -> tensor<2x4x!pphlo.secret<f16>> {
  %0 = pphlo.reduce(%arg0 init: %arg1) across dimensions = [1] : (tensor<2x4x!pphlo.secret<f16>>, tensor<!pphlo.secret<f16>>) -> tensor<2x!pphlo.secret<f16>>
   reducer(%arg2: tensor<!pphlo.secret<f16>>, %arg3: tensor<!pphlo.secret<f16>>)  {
    %4 = pphlo.less %arg3, %arg2 : (tensor<!pphlo.secret<f16>>, tensor<!pphlo.secret<f16>>) -> tensor<!pphlo.secret<i1>>
    %5 = pphlo.select %4, %arg2, %arg3 : (tensor<!pphlo.secret<i1>>, tensor<!pphlo.secret<f16>>, tensor<!pphlo.secret<f16>>) -> tensor<!pphlo.secret<f16>>
    pphlo.return %5 : tensor<!pphlo.secret<f16>>
  }
  %1 = pphlo.broadcast %0, dims = [0] : (tensor<2x!pphlo.secret<f16>>) -> tensor<2x4x!pphlo.secret<f16>>
  %2 = pphlo.negate %1 : tensor<2x4x!pphlo.secret<f16>>
  %3 = pphlo.add %2, %arg0 : tensor<2x4x!pphlo.secret<f16>>
  return %3 : tensor<2x4x!pphlo.secret<f16>>
}

// CHECK:      %0 = pphlo.reduce(%arg0 init: %arg1) applies pphlo.maximum across dimensions = [1]
// CHECK-NEXT: %1 = pphlo.broadcast %0
// CHECK-NEXT: %2 = pphlo.subtract %arg0, %1 : tensor<2x4x!pphlo.secret<f16>>
// CHECK-NEXT: return %2
