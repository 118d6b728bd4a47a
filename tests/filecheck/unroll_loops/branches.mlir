// A branch that is known takes the place of the operation; of a secret one all branches are computed.

func.func @main(%arg0: tensor<4x!pphlo.secret<f32>>, %arg1: tensor<!pphlo.secret<i32>>) -> tensor<4x!pphlo.secret<f32>> {
  %0 = pphlo.constant dense<7> : tensor<i32>
  %1 = "pphlo.case"(%0) ({
    %2 = pphlo.tanh %arg0 : tensor<4x!pphlo.secret<f32>>
    pphlo.return %2 : tensor<4x!pphlo.secret<f32>>
  }, {
    %2 = pphlo.negate %arg0 : tensor<4x!pphlo.secret<f32>>
    pphlo.return %2 : tensor<4x!pphlo.secret<f32>>
  }) : (tensor<i32>) -> tensor<4x!pphlo.secret<f32>>
  %3 = "pphlo.case"(%arg1) ({
    pphlo.return %1 : tensor<4x!pphlo.secret<f32>>
  }, {
    %4 = pphlo.abs %1 : tensor<4x!pphlo.secret<f32>>
    pphlo.return %4 : tensor<4x!pphlo.secret<f32>>
  }) : (tensor<!pphlo.secret<i32>>) -> tensor<4x!pphlo.secret<f32>>
  return %3 : tensor<4x!pphlo.secret<f32>>
}

// CHECK-NOT: pphlo.tanh
// CHECK: %[[NEGATED:.*]] = pphlo.negate
// CHECK-NEXT: %[[ABSOLUTE:.*]] = pphlo.abs %[[NEGATED]]
// CHECK: %[[FIRST:.*]] = pphlo.equal %arg1
// CHECK-NEXT: pphlo.select %[[FIRST]], %[[NEGATED]], %[[ABSOLUTE]]
// CHECK-NOT: pphlo.case
