// JAX bounds the maximum of a softmax from below by minus infinity.

func.func @main(%arg0: tensor<4x!pphlo.secret<f16>>) -> tensor<4x!pphlo.secret<f16>> {
  %0 = pphlo.constant dense<0xFC00> : tensor<4xf16>
  %1 = pphlo.maximum %0, %arg0 : (tensor<4xf16>, tensor<4x!pphlo.secret<f16>>) -> tensor<4x!pphlo.secret<f16>>
  return %1 : tensor<4x!pphlo.secret<f16>>
}

// CHECK:      func.func @main
// CHECK-NEXT: return %arg0
