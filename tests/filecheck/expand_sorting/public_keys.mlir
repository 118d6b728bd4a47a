// The order of public keys is public: positions are sorted before the program runs, and followed in it.

func.func @main(%arg0: tensor<3xi32>, %arg1: tensor<3x!pphlo.secret<f32>>) -> tensor<3x!pphlo.secret<f32>> {
  %0:2 = pphlo.simple_sort %arg0, %arg1  ASC, dim = 0, num_keys = 1 : (tensor<3xi32>, tensor<3x!pphlo.secret<f32>>) -> (tensor<3xi32>, tensor<3x!pphlo.secret<f32>>)
  return %0#1 : tensor<3x!pphlo.secret<f32>>
}

// CHECK: %[[SORTED:.*]]:2 = pphlo.simple_sort %arg0, %0  ASC, dim = 0, num_keys = 1 : (tensor<3xi32>, tensor<3xi64>) -> (tensor<3xi32>, tensor<3xi64>)
// CHECK: pphlo.custom_call @ditto.take(%arg1, %[[SORTED]]#1)
