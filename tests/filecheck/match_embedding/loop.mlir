// The whole pattern: both bounds, the loop, the selection of NaN become one call; the guard stands for the NaN. The wrap
// of negative ids and the table's convert stay.

func.func @main(%arg0: tensor<1x3x!pphlo.secret<i32>>, %arg1: tensor<5x2x!pphlo.secret<f32>>) -> tensor<1x3x2x!pphlo.secret<f16>> {
  %0 = pphlo.constant dense<0> : tensor<1x3xi32>
  %1 = pphlo.constant dense<5> : tensor<1x3xi32>
  %2 = pphlo.constant dense<4> : tensor<1x3xi32>
  %3 = pphlo.constant dense<0> : tensor<i32>
  %4 = pphlo.constant dense<1> : tensor<i32>
  %5 = pphlo.constant dense<3> : tensor<i32>
  %6 = pphlo.constant dense<0.000000e+00> : tensor<3x1x2xf16>
  %7 = pphlo.constant dense<0x7E00> : tensor<1x3x2xf16>
  %8 = pphlo.less %arg0, %0 : (tensor<1x3x!pphlo.secret<i32>>, tensor<1x3xi32>) -> tensor<1x3x!pphlo.secret<i1>>
  %9 = pphlo.add %arg0, %1 : (tensor<1x3x!pphlo.secret<i32>>, tensor<1x3xi32>) -> tensor<1x3x!pphlo.secret<i32>>
  %10 = pphlo.select %8, %9, %arg0 : (tensor<1x3x!pphlo.secret<i1>>, tensor<1x3x!pphlo.secret<i32>>, tensor<1x3x!pphlo.secret<i32>>) -> tensor<1x3x!pphlo.secret<i32>>
  %11 = pphlo.less %10, %0 : (tensor<1x3x!pphlo.secret<i32>>, tensor<1x3xi32>) -> tensor<1x3x!pphlo.secret<i1>>
  %12 = pphlo.not %11 : tensor<1x3x!pphlo.secret<i1>>
  %13 = pphlo.less %2, %10 : (tensor<1x3xi32>, tensor<1x3x!pphlo.secret<i32>>) -> tensor<1x3x!pphlo.secret<i1>>
  %14 = pphlo.not %13 : tensor<1x3x!pphlo.secret<i1>>
  %15 = pphlo.and %12, %14 : tensor<1x3x!pphlo.secret<i1>>
  %16 = pphlo.reshape %15 : (tensor<1x3x!pphlo.secret<i1>>) -> tensor<3x!pphlo.secret<i1>>
  %17 = pphlo.broadcast %16, dims = [1] : (tensor<3x!pphlo.secret<i1>>) -> tensor<1x3x2x!pphlo.secret<i1>>
  %18 = pphlo.convert %arg1 : (tensor<5x2x!pphlo.secret<f32>>) -> tensor<5x2x!pphlo.secret<f16>>
  %19 = pphlo.reshape %10 : (tensor<1x3x!pphlo.secret<i32>>) -> tensor<3x1x!pphlo.secret<i32>>
  %20 = pphlo.convert %6 : (tensor<3x1x2xf16>) -> tensor<3x1x2x!pphlo.secret<f16>>
  %21:2 = pphlo.while(%arg2 = %3, %arg3 = %20) : tensor<i32>, tensor<3x1x2x!pphlo.secret<f16>>
   cond {
    %24 = pphlo.less %arg2, %5 : (tensor<i32>, tensor<i32>) -> tensor<i1>
    pphlo.return %24 : tensor<i1>
  } do {
    %24 = pphlo.add %arg2, %4 : tensor<i32>
    %25 = pphlo.dynamic_slice %19, %arg2, %3 sizes = [1, 1] : (tensor<3x1x!pphlo.secret<i32>>, tensor<i32>, tensor<i32>) -> tensor<1x1x!pphlo.secret<i32>>
    %26 = pphlo.reshape %25 : (tensor<1x1x!pphlo.secret<i32>>) -> tensor<!pphlo.secret<i32>>
    %27 = pphlo.convert %3 : (tensor<i32>) -> tensor<!pphlo.secret<i32>>
    %28 = pphlo.dynamic_slice %18, %26, %27 sizes = [1, 2] : (tensor<5x2x!pphlo.secret<f16>>, tensor<!pphlo.secret<i32>>, tensor<!pphlo.secret<i32>>) -> tensor<1x2x!pphlo.secret<f16>>
    %29 = pphlo.reshape %28 : (tensor<1x2x!pphlo.secret<f16>>) -> tensor<1x1x2x!pphlo.secret<f16>>
    %30 = pphlo.dynamic_update_slice %arg3, %29, %arg2, %3, %3 : (tensor<3x1x2x!pphlo.secret<f16>>, tensor<1x1x2x!pphlo.secret<f16>>, tensor<i32>, tensor<i32>, tensor<i32>) -> tensor<3x1x2x!pphlo.secret<f16>>
    pphlo.return %24, %30 : tensor<i32>, tensor<3x1x2x!pphlo.secret<f16>>
  }
  %22 = pphlo.reshape %21#1 : (tensor<3x1x2x!pphlo.secret<f16>>) -> tensor<1x3x2x!pphlo.secret<f16>>
  %23 = pphlo.select %17, %22, %7 : (tensor<1x3x2x!pphlo.secret<i1>>, tensor<1x3x2x!pphlo.secret<f16>>, tensor<1x3x2xf16>) -> tensor<1x3x2x!pphlo.secret<f16>>
  return %23 : tensor<1x3x2x!pphlo.secret<f16>>
}

// CHECK:      func.func @main
// CHECK:      [[BELOW:%.*]] = pphlo.less %arg0, {{.*}}
// CHECK-NEXT: [[WRAPPED:%.*]] = pphlo.add %arg0, {{.*}}
// CHECK-NEXT: [[IDS:%.*]] = pphlo.select [[BELOW]], [[WRAPPED]], %arg0
// CHECK-NEXT: [[TABLE:%.*]] = pphlo.convert %arg1
// CHECK-NEXT: [[ROWS:%.*]] = pphlo.custom_call @ditto.embedding([[TABLE]], [[IDS]]) {ditto.refuses} : (tensor<5x2x!pphlo.secret<f16>>, tensor<1x3x!pphlo.secret<i32>>) -> tensor<3x1x2x!pphlo.secret<f16>>
// CHECK-NEXT: [[RESULT:%.*]] = pphlo.reshape [[ROWS]]
// CHECK-NEXT: return [[RESULT]]
