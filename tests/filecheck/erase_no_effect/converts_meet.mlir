// The same f32 value is converted on both sides of a reshape; one convert is enough.

func.func @main(%arg0: tensor<1x4x2x!pphlo.secret<f32>>) -> (tensor<1x4x2x!pphlo.secret<f16>>, tensor<4x2x!pphlo.secret<f16>>) {
  %0 = pphlo.convert %arg0 : (tensor<1x4x2x!pphlo.secret<f32>>) -> tensor<1x4x2x!pphlo.secret<f16>>
  %1 = pphlo.reshape %arg0 : (tensor<1x4x2x!pphlo.secret<f32>>) -> tensor<4x2x!pphlo.secret<f32>>
  %2 = pphlo.convert %1 : (tensor<4x2x!pphlo.secret<f32>>) -> tensor<4x2x!pphlo.secret<f16>>
  return %0, %2 : tensor<1x4x2x!pphlo.secret<f16>>, tensor<4x2x!pphlo.secret<f16>>
}

// CHECK:      %0 = pphlo.convert %arg0
// CHECK-NEXT: %1 = pphlo.reshape %0
// CHECK-NEXT: return %0, %1
