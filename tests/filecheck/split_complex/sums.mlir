// A sum is one of each part, in whatever order SPU's compiler writes its reducer: 0.9's is the first, 0.10's the second.

func.func @main(%arg0: tensor<4x!pphlo.secret<f32>>) -> (tensor<!pphlo.secret<f32>>, tensor<!pphlo.secret<f32>>) {
  %0 = pphlo.negate %arg0 : tensor<4x!pphlo.secret<f32>>
  %1 = pphlo.complex %arg0, %0 : (tensor<4x!pphlo.secret<f32>>, tensor<4x!pphlo.secret<f32>>) -> tensor<4x!pphlo.secret<complex<f32>>>
  %2 = pphlo.constant dense<(0.000000e+00,0.000000e+00)> : tensor<complex<f32>>
  %3 = pphlo.convert %2 : (tensor<complex<f32>>) -> tensor<!pphlo.secret<complex<f32>>>
  %4 = pphlo.reduce(%1 init: %3) across dimensions = [0] : (tensor<4x!pphlo.secret<complex<f32>>>, tensor<!pphlo.secret<complex<f32>>>) -> tensor<!pphlo.secret<complex<f32>>>
   reducer(%arg1: tensor<!pphlo.secret<complex<f32>>>, %arg2: tensor<!pphlo.secret<complex<f32>>>)  {
    %8 = pphlo.real %arg1 : (tensor<!pphlo.secret<complex<f32>>>) -> tensor<!pphlo.secret<f32>>
    %9 = pphlo.real %arg2 : (tensor<!pphlo.secret<complex<f32>>>) -> tensor<!pphlo.secret<f32>>
    %10 = pphlo.add %8, %9 : tensor<!pphlo.secret<f32>>
    %11 = pphlo.imag %arg1 : (tensor<!pphlo.secret<complex<f32>>>) -> tensor<!pphlo.secret<f32>>
    %12 = pphlo.imag %arg2 : (tensor<!pphlo.secret<complex<f32>>>) -> tensor<!pphlo.secret<f32>>
    %13 = pphlo.add %11, %12 : tensor<!pphlo.secret<f32>>
    %14 = pphlo.complex %10, %13 : (tensor<!pphlo.secret<f32>>, tensor<!pphlo.secret<f32>>) -> tensor<!pphlo.secret<complex<f32>>>
    pphlo.return %14 : tensor<!pphlo.secret<complex<f32>>>
  }
  %5 = pphlo.reduce(%1 init: %3) across dimensions = [0] : (tensor<4x!pphlo.secret<complex<f32>>>, tensor<!pphlo.secret<complex<f32>>>) -> tensor<!pphlo.secret<complex<f32>>>
   reducer(%arg1: tensor<!pphlo.secret<complex<f32>>>, %arg2: tensor<!pphlo.secret<complex<f32>>>)  {
    %8 = pphlo.real %arg1 : (tensor<!pphlo.secret<complex<f32>>>) -> tensor<!pphlo.secret<f32>>
    %9 = pphlo.imag %arg1 : (tensor<!pphlo.secret<complex<f32>>>) -> tensor<!pphlo.secret<f32>>
    %10 = pphlo.real %arg2 : (tensor<!pphlo.secret<complex<f32>>>) -> tensor<!pphlo.secret<f32>>
    %11 = pphlo.imag %arg2 : (tensor<!pphlo.secret<complex<f32>>>) -> tensor<!pphlo.secret<f32>>
    %12 = pphlo.add %8, %10 : tensor<!pphlo.secret<f32>>
    %13 = pphlo.add %9, %11 : tensor<!pphlo.secret<f32>>
    %14 = pphlo.complex %12, %13 : (tensor<!pphlo.secret<f32>>, tensor<!pphlo.secret<f32>>) -> tensor<!pphlo.secret<complex<f32>>>
    pphlo.return %14 : tensor<!pphlo.secret<complex<f32>>>
  }
  %6 = pphlo.real %4 : (tensor<!pphlo.secret<complex<f32>>>) -> tensor<!pphlo.secret<f32>>
  %7 = pphlo.imag %5 : (tensor<!pphlo.secret<complex<f32>>>) -> tensor<!pphlo.secret<f32>>
  return %6, %7 : tensor<!pphlo.secret<f32>>, tensor<!pphlo.secret<f32>>
}

// CHECK: %[[MINUS:.*]] = pphlo.negate %arg0
// CHECK: %[[REAL:.*]] = pphlo.reduce(%arg0 init
// CHECK: pphlo.reduce(%[[MINUS]] init
// CHECK: pphlo.reduce(%arg0 init
// CHECK: %[[IMAG:.*]] = pphlo.reduce(%[[MINUS]] init
// CHECK: return %[[REAL]], %[[IMAG]]
