# ruff: noqa: E501 (programs are printed with one operation a line)
"""The ring dialect: its text, and what its verifiers refuse."""

from __future__ import annotations

import pytest

from ditto import _core
from ditto.dialects import ring
from ditto.dialects.mlir_text import InvalidProgram
from ditto.dialects.traits import Local
from ditto.lowering.lower_to_program import WidthError, lower_to_program

PROGRAM = """\
module {
  func.func @main(%arg0: tensor<1x4x8x!ring.fxp<32, 8>>, %arg1: tensor<1x8x5x!ring.fxp<32, 12>>, %arg2: tensor<1x4x5x!ring.bit>, %arg3: tensor<5xf64>) -> (tensor<1x4x5x!ring.fxp<20, 8>>, tensor<1x4x!ring.fxp<20, 8>>) {
    %0 = ring.constant dense<1.250000e-01> : tensor<f64>
    %1 = ring.encode %0 {fraction = 8 : i64} : (tensor<f64>) -> tensor<i64>
    %2 = ring.matmul %arg0, %arg1 {shift = 12 : i64, layer = "encoder/layer/0", range = 18 : i64} : (tensor<1x4x8x!ring.fxp<32, 8>>, tensor<1x8x5x!ring.fxp<32, 12>>) -> tensor<1x4x5x!ring.fxp<20, 8>>
    %3 = ring.add_public %2, %1 : (tensor<1x4x5x!ring.fxp<20, 8>>, tensor<i64>) -> tensor<1x4x5x!ring.fxp<20, 8>>
    %4 = ring.bit_mul %arg2, %3 : (tensor<1x4x5x!ring.bit>, tensor<1x4x5x!ring.fxp<20, 8>>) -> tensor<1x4x5x!ring.fxp<20, 8>>
    %5 = ring.max %4 {axis = 2 : i64, bits = 20 : i64, drop = 4 : i64} : (tensor<1x4x5x!ring.fxp<20, 8>>) -> tensor<1x4x!ring.fxp<20, 8>>
    %6 = ring.polynomial %4 {coefficients = array<f64: 5.000000e-01, 1.000000e+00>} : (tensor<1x4x5x!ring.fxp<20, 8>>) -> tensor<1x4x5x!ring.fxp<20, 8>>
    return %6, %5 : tensor<1x4x5x!ring.fxp<20, 8>>, tensor<1x4x!ring.fxp<20, 8>>
  }
}
"""


def test_round_trip() -> None:
    module = ring.parse_module(PROGRAM)
    assert ring.to_text(module) == PROGRAM
    lower_to_program(module)


def function(body: str, result: str = "tensor<4x!ring.fxp<32, 8>>") -> str:
    return f"""
func.func @main(%x: tensor<4x!ring.fxp<32, 8>>, %y: tensor<4x!ring.fxp<32, 12>>, %b: tensor<4x!ring.bit>) -> {result} {{
  %0 = {body}
  return %0 : {result}
}}"""


X, Y, B = "tensor<4x!ring.fxp<32, 8>>", "tensor<4x!ring.fxp<32, 12>>", "tensor<4x!ring.bit>"
H = "tensor<4x3x!ring.fxp<32, 0>>"
WIDER = "tensor<4x!ring.fxp<33, 8>>"


@pytest.mark.parametrize(
    ("body", "result", "reason"),
    [
        (f"ring.add %x, %y : ({X}, {Y}) -> {X}", X, "operand of type"),
        (f"ring.mul %x, %y {{shift = 8 : i64}} : ({X}, {Y}) -> {X}", X, "8 fraction bits instead of 12"),
        (f"ring.mul %x, %y : ({X}, {Y}) -> {X}", X, r"attribute \['shift'\] is missing"),
        (f"ring.neg %x {{bits = 1 : i64}} : ({X}) -> {X}", X, r"attribute \['bits'\] is not known"),
        (f"ring.bit_mul %x, %x : ({X}, {X}) -> {X}", X, "operand 0 must not have the type"),
        (f"ring.add %x : ({X}) -> {X}", X, "takes 2 operands, not 1"),
        (f"ring.reshape %x : ({X}) -> tensor<5x!ring.fxp<32, 8>>", "tensor<5x!ring.fxp<32, 8>>", "elements"),
        (f"ring.sum %x {{dims = array<i64: 0>}} : ({X}) -> {X}", X, "the shape"),
        (f"ring.up_cast %x : ({X}) -> tensor<4x!ring.fxp<65, 8>>", "tensor<4x!ring.fxp<65, 8>>", "width 65"),
        (f"ring.one_hot %x {{depth = 3 : i64}} : ({X}) -> {H}", H, "takes integers"),
        (f"ring.require_range %x : ({X}) -> {X}", X, r"attribute \['bits'\] is missing"),
        (f"ring.require_range %x {{bits = 8 : i64}} : ({X}) -> {Y}", Y, "operand of type"),
        (f"ring.require_false %x : ({X}) -> {X}", X, "operand 0 must not have the type"),
        (f"ring.reround %x {{shift = 4 : i64}} : ({X}) -> {X}", X, "8 fraction bits instead of 4"),
    ],
)
def test_verifier_refuses(body: str, result: str, reason: str) -> None:
    with pytest.raises(InvalidProgram, match=reason):
        ring.parse_module(function(body, result))


KERNELS = {name: row for name, *row in _core.kernels()}
OF_KERNELS = {ring.short_name(op): op for op in ring.OPERATIONS if ring.short_name(op) in KERNELS}


def test_every_kernel_is_an_operation() -> None:
    assert KERNELS.keys() == OF_KERNELS.keys()


@pytest.mark.parametrize("name", OF_KERNELS)
def test_an_operation_takes_what_its_kernel_takes(name: str) -> None:
    op, (operands, result, attributes, talks) = OF_KERNELS[name], KERNELS[name]
    assert op.KINDS.replace("x", "f") == operands
    assert op.RESULT.replace("x", "f") == result
    names = attributes.split()
    assert set(op.REQUIRED) == {name for name in names if not name.endswith("?")}
    assert set(op.OPTIONAL) == {name[:-1] for name in names if name.endswith("?")}
    # A guarded bit goes into what the run opens anyway.
    assert op.has_trait(Local) != (talks or name == "require_false")


@pytest.mark.parametrize(
    ("body", "result", "reason"),
    [
        (f"ring.mul %x, %y {{shift = 12 : i64}} : ({X}, {Y}) -> {X}", X, "needs operands of 44 bits, not fxp<32,8>"),
        (
            f"ring.down_cast %y {{shift = 4 : i64}} : ({Y}) -> tensor<4x!ring.fxp<29, 8>>",
            "tensor<4x!ring.fxp<29, 8>>",
            "needs operands of 33 bits",
        ),
        (f"ring.narrow %x : ({X}) -> {WIDER}", WIDER, "wider than the operand"),
        (f"ring.up_cast %x : ({X}) -> {X}", X, "not wider"),
        (f"ring.extend %x {{bits = 32 : i64}} : ({X}) -> {X}", X, "bits is 32, not within 2..31"),
        (
            f"ring.divide %x, %y {{lo = 0 : i64, hi = 20 : i64}} : ({X}, {Y}) -> {X}",
            X,
            "y",
        ),
        (f"ring.msb %x {{bits = 33 : i64, drop = 0 : i64}} : ({X}) -> {B}", B, "bits is 33, not within"),
        (f"ring.require_range %x {{bits = 2 : i64}} : ({X}) -> {X}", X, "bits is 2, not within 3..32"),
        (f"ring.require_range %x {{bits = 33 : i64}} : ({X}) -> {X}", X, "bits is 33, not within"),
        (f"ring.convert %x : ({X}) -> {X}", X, "the engine has no op"),
        (
            f"ring.reround %x {{shift = 4 : i64}} : ({X}) -> tensor<4x!ring.fxp<32, 4>>",
            "tensor<4x!ring.fxp<32, 4>>",
            "does not lack",
        ),
    ],
)
def test_widths_that_no_protocol_serves(body: str, result: str, reason: str) -> None:
    module = ring.parse_module(function(body, result))
    with pytest.raises(WidthError, match=reason):
        lower_to_program(module)
