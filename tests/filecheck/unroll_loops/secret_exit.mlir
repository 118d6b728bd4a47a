// A secret may end the loop before its second round: what comes after the last is not chosen, and what goes round
// unchanged not asked for.

func.func @main(%arg0: tensor<4x!pphlo.secret<f32>>, %arg1: tensor<!pphlo.secret<f32>>) -> tensor<4x!pphlo.secret<f32>> {
  %0 = pphlo.constant dense<0> : tensor<i32>
  %1 = pphlo.constant dense<1> : tensor<i32>
  %2 = pphlo.constant dense<2> : tensor<i32>
  %3:3 = pphlo.while(%arg2 = %0, %arg3 = %arg0, %arg4 = %arg1) : tensor<i32>, tensor<4x!pphlo.secret<f32>>, tensor<!pphlo.secret<f32>>
   cond {
    %4 = pphlo.less %arg2, %2 : (tensor<i32>, tensor<i32>) -> tensor<i1>
    %5 = pphlo.slice %arg3 [0:1:1] : (tensor<4x!pphlo.secret<f32>>) -> tensor<1x!pphlo.secret<f32>>
    %6 = pphlo.reshape %5 : (tensor<1x!pphlo.secret<f32>>) -> tensor<!pphlo.secret<f32>>
    %7 = pphlo.less %6, %arg4 : (tensor<!pphlo.secret<f32>>, tensor<!pphlo.secret<f32>>) -> tensor<!pphlo.secret<i1>>
    %8 = pphlo.and %4, %7 : (tensor<i1>, tensor<!pphlo.secret<i1>>) -> tensor<!pphlo.secret<i1>>
    pphlo.return %8 : tensor<!pphlo.secret<i1>>
  } do {
    %4 = pphlo.add %arg2, %1 : tensor<i32>
    %5 = pphlo.add %arg3, %arg3 : tensor<4x!pphlo.secret<f32>>
    pphlo.return %4, %5, %arg4 : tensor<i32>, tensor<4x!pphlo.secret<f32>>, tensor<!pphlo.secret<f32>>
  }
  return %3#1 : tensor<4x!pphlo.secret<f32>>
}

// CHECK-NOT:  pphlo.while
// CHECK:      %[[BELOW:.*]] = pphlo.less %{{.*}}, %arg1
// CHECK:      %[[FIRST:.*]] = pphlo.and %{{.*}}, %[[BELOW]]
// CHECK:      %[[TWICE:.*]] = pphlo.add %arg0, %arg0
// CHECK-NEXT: %[[ONCE:.*]] = pphlo.select %[[FIRST]], %[[TWICE]], %arg0
// CHECK:      %[[STILL:.*]] = pphlo.less %{{.*}}, %arg1
// CHECK:      %[[VERDICT:.*]] = pphlo.and %{{.*}}, %[[STILL]]
// CHECK-NEXT: %[[SECOND:.*]] = pphlo.and %[[FIRST]], %[[VERDICT]]
// CHECK-NEXT: %[[DOUBLED:.*]] = pphlo.add %[[ONCE]], %[[ONCE]]
// CHECK-NEXT: %[[LAST:.*]] = pphlo.select %[[SECOND]], %[[DOUBLED]], %[[ONCE]]
// CHECK-NEXT: return %[[LAST]]
