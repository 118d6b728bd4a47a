// Flax multiplies the attention by a vector of ones, one per head. A product that sums stays.

func.func @main(%arg0: tensor<12x1x64x!pphlo.secret<f16>>, %arg1: tensor<12x4x64x!pphlo.secret<f16>>) -> (tensor<12x64x!pphlo.secret<f16>>, tensor<12x64x!pphlo.secret<f16>>) {
  %0 = pphlo.constant dense<1.000000e+00> : tensor<12x1x1xf16>
  %1 = pphlo.constant dense<1.000000e+00> : tensor<12x1x4xf16>
  %2 = pphlo.dot_general %0, %arg0, batching_dims = [0] x [0], contracting_dims = [2] x [1] : (tensor<12x1x1xf16>, tensor<12x1x64x!pphlo.secret<f16>>) -> tensor<12x64x!pphlo.secret<f16>>
  %3 = pphlo.dot_general %1, %arg1, batching_dims = [0] x [0], contracting_dims = [2] x [1] : (tensor<12x1x4xf16>, tensor<12x4x64x!pphlo.secret<f16>>) -> tensor<12x64x!pphlo.secret<f16>>
  return %2, %3 : tensor<12x64x!pphlo.secret<f16>>, tensor<12x64x!pphlo.secret<f16>>
}

// CHECK:      %0 = pphlo.constant
// CHECK-NEXT: %1 = pphlo.reshape %arg0 : (tensor<12x1x64x!pphlo.secret<f16>>) -> tensor<12x64x!pphlo.secret<f16>>
// CHECK-NEXT: %2 = pphlo.dot_general %0, %arg1
// CHECK-NEXT: return %1, %2
