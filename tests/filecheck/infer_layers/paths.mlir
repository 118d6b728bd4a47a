// An operation belongs to the layer of the parameter it consumes, or to the last one among its operands.
module {
  func.func @main(%arg0: tensor<4x!ring.fxp<32, 8>>, %arg1: tensor<4x!ring.fxp<32, 8>>, %arg2: tensor<4x!ring.fxp<32, 8>>) -> tensor<4x!ring.fxp<32, 8>> attributes {ditto.argument_names = ["x", "params/bert/embeddings/bias", "params/bert/encoder/layer/0/output/dense/bias"], ditto.inputs = array<i64: 0, 1, 2>} {
    // CHECK: ring.neg %arg0 {layer = "bert/embeddings"}
    %0 = ring.neg %arg0 : (tensor<4x!ring.fxp<32, 8>>) -> tensor<4x!ring.fxp<32, 8>>
    // CHECK: ring.add %0, %arg1 {layer = "bert/embeddings"}
    %1 = ring.add %0, %arg1 : (tensor<4x!ring.fxp<32, 8>>, tensor<4x!ring.fxp<32, 8>>) -> tensor<4x!ring.fxp<32, 8>>
    // CHECK: ring.neg %arg2 {layer = "bert/encoder/layer/0"}
    %2 = ring.neg %arg2 : (tensor<4x!ring.fxp<32, 8>>) -> tensor<4x!ring.fxp<32, 8>>
    // CHECK: ring.mul %1, %2 {shift = 8 : i64, layer = "bert/encoder/layer/0"}
    %3 = ring.mul %1, %2 {shift = 8 : i64} : (tensor<4x!ring.fxp<32, 8>>, tensor<4x!ring.fxp<32, 8>>) -> tensor<4x!ring.fxp<32, 8>>
    // CHECK: ring.sub %3, %1 {layer = "bert/encoder/layer/0"}
    %4 = ring.sub %3, %1 : (tensor<4x!ring.fxp<32, 8>>, tensor<4x!ring.fxp<32, 8>>) -> tensor<4x!ring.fxp<32, 8>>
    return %4 : tensor<4x!ring.fxp<32, 8>>
  }
}
