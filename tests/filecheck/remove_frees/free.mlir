// Also inside a reduction's body.

func.func @main(%arg0: tensor<4x!pphlo.secret<f32>>, %arg1: tensor<!pphlo.secret<f32>>) -> tensor<!pphlo.secret<f32>> {
  %0 = pphlo.negate %arg0 : tensor<4x!pphlo.secret<f32>>
  %1 = pphlo.reduce(%0 init: %arg1) across dimensions = [0] : (tensor<4x!pphlo.secret<f32>>, tensor<!pphlo.secret<f32>>) -> tensor<!pphlo.secret<f32>>
   reducer(%arg2: tensor<!pphlo.secret<f32>>, %arg3: tensor<!pphlo.secret<f32>>)  {
    %2 = pphlo.negate %arg2 : tensor<!pphlo.secret<f32>>
    %3 = pphlo.add %2, %arg3 : tensor<!pphlo.secret<f32>>
    pphlo.free %2 : tensor<!pphlo.secret<f32>>
    pphlo.return %3 : tensor<!pphlo.secret<f32>>
  }
  pphlo.free %0 : tensor<4x!pphlo.secret<f32>>
  return %1 : tensor<!pphlo.secret<f32>>
}

// CHECK-NOT: pphlo.free
// CHECK:      pphlo.add
// CHECK-NEXT: pphlo.return
// CHECK-NOT: pphlo.free
// CHECK:      return %1
