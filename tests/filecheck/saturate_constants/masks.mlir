// A mask in either dtype, the start of a maximum and NaN; 65504 and below are ordinary numbers.
module {
  func.func @main(%arg0: tensor<2x!pphlo.secret<f32>>) -> tensor<2x!pphlo.secret<f32>> {
    // CHECK: pphlo.constant dense<-4.096000e+03> : tensor<2xf16>
    %0 = pphlo.constant dense<0xFC00> : tensor<2xf16>
    // CHECK: pphlo.constant dense<-4.096000e+03> : tensor<2xf32>
    %1 = pphlo.constant dense<-3.40282347E+38> : tensor<2xf32>
    // CHECK: pphlo.constant dense<-4.096000e+03> : tensor<2xf16>
    %2 = pphlo.constant dense<-6.550400e+04> : tensor<2xf16>
    // CHECK: pphlo.constant dense<0.000000e+00> : tensor<2xf16>
    %3 = pphlo.constant dense<0x7E00> : tensor<2xf16>
    // CHECK: pphlo.constant dense<4.096000e+03> : tensor<2xf32>
    %4 = pphlo.constant dense<0x7F800000> : tensor<2xf32>
    // CHECK: pphlo.constant dense<[-4.096000e+03, 6.550400e+04]> : tensor<2xf32>
    %5 = pphlo.constant dense<[0xFF800000, 6.550400e+04]> : tensor<2xf32>
    return %arg0 : tensor<2x!pphlo.secret<f32>>
  }
}
