// Not a sum: the loop stays, and is unrolled later.

func.func @main(%arg0: tensor<5x6x!pphlo.secret<f32>>, %arg1: tensor<3x6x!pphlo.secret<f32>>, %arg2: tensor<3x!pphlo.secret<i32>>) -> tensor<5x6x!pphlo.secret<f32>> {
  %0 = pphlo.constant dense<1> : tensor<i32>
  %1 = pphlo.constant dense<0> : tensor<1xi32>
  %2 = pphlo.constant dense<0> : tensor<2xi32>
  %3 = pphlo.constant dense<[4, 0]> : tensor<2xi32>
  %4 = pphlo.constant dense<true> : tensor<i1>
  %5 = pphlo.constant dense<3> : tensor<i32>
  %6 = pphlo.constant dense<0> : tensor<i32>
  %7 = pphlo.constant dense<0> : tensor<3xi32>
  %8 = pphlo.constant dense<5> : tensor<3xi32>
  %9 = pphlo.less %arg2, %7 : (tensor<3x!pphlo.secret<i32>>, tensor<3xi32>) -> tensor<3x!pphlo.secret<i1>>
  %10 = pphlo.add %arg2, %8 : (tensor<3x!pphlo.secret<i32>>, tensor<3xi32>) -> tensor<3x!pphlo.secret<i32>>
  %11 = pphlo.select %9, %10, %arg2 : (tensor<3x!pphlo.secret<i1>>, tensor<3x!pphlo.secret<i32>>, tensor<3x!pphlo.secret<i32>>) -> tensor<3x!pphlo.secret<i32>>
  %12:2 = pphlo.while(%arg3 = %6, %arg4 = %arg0) : tensor<i32>, tensor<5x6x!pphlo.secret<f32>>
   cond {
    %13 = pphlo.broadcast_as %5, %arg3 : tensor<i32>
    %14 = pphlo.less %arg3, %13 : (tensor<i32>, tensor<i32>) -> tensor<i1>
    pphlo.return %14 : tensor<i1>
  } do {
    %13 = pphlo.broadcast_as %0, %arg3 : tensor<i32>
    %14 = pphlo.add %arg3, %13 : tensor<i32>
    %15 = pphlo.dynamic_slice %11, %arg3 sizes = [1] : (tensor<3x!pphlo.secret<i32>>, tensor<i32>) -> tensor<1x!pphlo.secret<i32>>
    %16 = pphlo.convert %1 : (tensor<1xi32>) -> tensor<1x!pphlo.secret<i32>>
    %17 = pphlo.concatenate %15, %16 dim = 0 : (tensor<1x!pphlo.secret<i32>>, tensor<1x!pphlo.secret<i32>>) -> tensor<2x!pphlo.secret<i32>>
    %18 = pphlo.broadcast_as %2, %17 : (tensor<2xi32>, tensor<2x!pphlo.secret<i32>>) -> tensor<2xi32>
    %19 = pphlo.less %17, %18 : (tensor<2x!pphlo.secret<i32>>, tensor<2xi32>) -> tensor<2x!pphlo.secret<i1>>
    %20 = pphlo.not %19 : tensor<2x!pphlo.secret<i1>>
    %21 = pphlo.broadcast_as %3, %17 : (tensor<2xi32>, tensor<2x!pphlo.secret<i32>>) -> tensor<2xi32>
    %22 = pphlo.less %21, %17 : (tensor<2xi32>, tensor<2x!pphlo.secret<i32>>) -> tensor<2x!pphlo.secret<i1>>
    %23 = pphlo.not %22 : tensor<2x!pphlo.secret<i1>>
    %24 = pphlo.and %20, %23 : tensor<2x!pphlo.secret<i1>>
    %25 = pphlo.convert %4 : (tensor<i1>) -> tensor<!pphlo.secret<i1>>
    %26 = pphlo.reduce(%24 init: %25) applies pphlo.and across dimensions = [0] : (tensor<2x!pphlo.secret<i1>>, tensor<!pphlo.secret<i1>>) -> tensor<!pphlo.secret<i1>>
    %27 = pphlo.broadcast %26, dims = [] : (tensor<!pphlo.secret<i1>>) -> tensor<1x6x!pphlo.secret<i1>>
    %28 = pphlo.reshape %15 : (tensor<1x!pphlo.secret<i32>>) -> tensor<!pphlo.secret<i32>>
    %29 = pphlo.dynamic_slice %arg4, %28, %6 sizes = [1, 6] : (tensor<5x6x!pphlo.secret<f32>>, tensor<!pphlo.secret<i32>>, tensor<i32>) -> tensor<1x6x!pphlo.secret<f32>>
    %30 = pphlo.dynamic_slice %arg1, %arg3, %6 sizes = [1, 6] : (tensor<3x6x!pphlo.secret<f32>>, tensor<i32>, tensor<i32>) -> tensor<1x6x!pphlo.secret<f32>>
    %31 = pphlo.less %30, %29 : (tensor<1x6x!pphlo.secret<f32>>, tensor<1x6x!pphlo.secret<f32>>) -> tensor<1x6x!pphlo.secret<i1>>
    %32 = pphlo.select %31, %29, %30 : (tensor<1x6x!pphlo.secret<i1>>, tensor<1x6x!pphlo.secret<f32>>, tensor<1x6x!pphlo.secret<f32>>) -> tensor<1x6x!pphlo.secret<f32>>
    %33 = pphlo.select %27, %32, %29 : (tensor<1x6x!pphlo.secret<i1>>, tensor<1x6x!pphlo.secret<f32>>, tensor<1x6x!pphlo.secret<f32>>) -> tensor<1x6x!pphlo.secret<f32>>
    %34 = pphlo.dynamic_update_slice %arg4, %33, %28, %6 : (tensor<5x6x!pphlo.secret<f32>>, tensor<1x6x!pphlo.secret<f32>>, tensor<!pphlo.secret<i32>>, tensor<i32>) -> tensor<5x6x!pphlo.secret<f32>>
    pphlo.return %14, %34 : tensor<i32>, tensor<5x6x!pphlo.secret<f32>>
  }
  return %12#1 : tensor<5x6x!pphlo.secret<f32>>
}

// CHECK: pphlo.while
// CHECK-NOT: ditto.one_hot
