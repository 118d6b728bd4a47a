// Division by public numbers that are known only at the call.

func.func @main(%arg0: tensor<4x!pphlo.secret<f16>>, %arg1: tensor<4xf16>) -> tensor<4x!pphlo.secret<f16>> {
  %0 = pphlo.divide %arg0, %arg1 : (tensor<4x!pphlo.secret<f16>>, tensor<4xf16>) -> tensor<4x!pphlo.secret<f16>>
  return %0 : tensor<4x!pphlo.secret<f16>>
}

// CHECK: %[[ONE:.*]] = pphlo.constant dense<1.000000e+00> : tensor<4xf16>
// CHECK-NEXT: %[[INVERSE:.*]] = pphlo.divide %[[ONE]], %arg1 : tensor<4xf16>
// CHECK-NEXT: pphlo.custom_call @ditto.times_inverse(%arg0, %[[INVERSE]])
