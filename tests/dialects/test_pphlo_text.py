"""PPHLO text: what SPU printed is printed again byte for byte, and what is wrong is refused with its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from xdsl.dialects.builtin import Float16Type, TensorType
from xdsl.utils.exceptions import VerifyException

from ditto.dialects import pphlo
from ditto.interpreter import function_named
from ditto.passes.pphlo.remove_frees import RemoveFrees

DATA = Path(__file__).parent.parent / "data"
PROGRAMS = sorted(DATA.glob("*.pphlo"))

# The forms that no test program has. HALF and INT stand for longer types.
FORMS = """\
module @forms {
  func.func @main(%arg0: tensor<2xHALF>, %arg1: tensor<INT>, %arg2: tensor<2xi1>) -> tensor<2xHALF> {
    %0 = pphlo.constant dense<> : tensor<0xf32>
    %1 = pphlo.maximum %arg0, %arg0 : tensor<2xHALF>
    %2 = pphlo.clamp %1, %arg0, %arg0 : tensor<2xHALF>
    %3 = pphlo.custom_call @spu.prefer_a(%arg2) : (tensor<2xi1>) -> tensor<2xi1>
    %4 = pphlo.custom_call @ditto.anything(%2, %arg1) : (tensor<2xHALF>, tensor<INT>) -> tensor<2xHALF>
    %5 = pphlo.bitcast_convert %arg0 : (tensor<2xHALF>) -> tensor<2x!pphlo.secret<i16>>
    %6 = "pphlo.epsilon"() : () -> tensor<f32>
    %7 = "pphlo.rng"(%6, %6) : (tensor<f32>, tensor<f32>) -> tensor<3xf32>
    %8 = pphlo.atan2 %arg0, %arg0 : tensor<2xHALF>
    %9 = pphlo.popcnt %arg1 {bits = 3 : i64} : tensor<INT>
    %10:2 = "pphlo.case"(%9) ({
      pphlo.return %1, %6 : tensor<2xHALF>, tensor<f32>
    }, {
      %11 = pphlo.negate %2 : tensor<2xHALF>
      pphlo.return %11, %6 : tensor<2xHALF>, tensor<f32>
    }, {
      %11 = pphlo.sign %8 {ignore_zero = true} : tensor<2xHALF>
      pphlo.return %11, %6 : tensor<2xHALF>, tensor<f32>
    }) : (tensor<INT>) -> (tensor<2xHALF>, tensor<f32>)
    return %4 : tensor<2xHALF>
  }
}
""".replace("HALF", "!pphlo.secret<f16>").replace("INT", "!pphlo.secret<i32>")


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_round_trip(path: Path) -> None:
    text = path.read_text()
    assert pphlo.to_text(pphlo.parse_module(text, path.name)) == text


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_round_trip_without_frees(path: Path) -> None:
    text = "".join(line for line in path.read_text().splitlines(True) if "pphlo.free" not in line)
    module = pphlo.parse_module(path.read_text(), path.name)
    RemoveFrees().apply(pphlo.context(), module)
    assert pphlo.to_text(module) == text
    assert pphlo.to_text(pphlo.parse_module(text)) == text


def test_rare_forms() -> None:
    assert pphlo.to_text(pphlo.parse_module(FORMS)) == FORMS


def test_test_data_covers_the_models_operations() -> None:
    seen = {op.name for path in PROGRAMS for op in pphlo.parse_module(path.read_text()).walk()}
    models = (
        "abs add and bitcast_convert broadcast broadcast_as complex concatenate constant convert convolution "
        "custom_call divide dot dot_general dynamic_slice dynamic_update_slice equal exponential free if imag iota "
        "less multiply negate not or pad popcnt real reciprocal reduce reshape return rsqrt select shift_left "
        "shift_right_logical slice tanh transpose while xor"
    )
    assert {f"pphlo.{name}" for name in models.split()} <= seen


def test_unknown_operation_is_named_with_its_line() -> None:
    text = FORMS.replace("%1 = pphlo.maximum", "%1 = pphlo.fft")
    with pytest.raises(pphlo.UnsupportedOp, match=r"model.pphlo:4: operation 'pphlo.fft' is not supported") as caught:
        pphlo.parse_module(text, "model.pphlo")
    assert (caught.value.op, caught.value.line) == ("pphlo.fft", 4)


def test_unknown_generic_operation_is_named() -> None:
    text = FORMS.replace("%1 = pphlo.maximum %arg0, %arg0 :", '%1 = "pphlo.shuffle"(%arg0) :')
    with pytest.raises(pphlo.UnsupportedOp, match="'pphlo.shuffle'"):
        pphlo.parse_module(text)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("<f16>> {", "<f16>> "),
        ("pphlo.maximum %arg0, %arg0", "pphlo.maximum %arg0"),
        ("%2 = pphlo.clamp %1", "%2 = pphlo.clamp %9"),
        ("dense<>", "dense<"),
        ("module @forms", "forms"),
    ],
)
def test_malformed_text_is_refused(right: str, wrong: str) -> None:
    assert right in FORMS
    with pytest.raises(pphlo.InvalidProgram):
        pphlo.parse_module(FORMS.replace(right, wrong), "model.pphlo")


@pytest.mark.parametrize(
    ("operation", "reason"),
    [
        ("%0 = pphlo.reshape %arg0 : (tensor<2x3xf32>) -> tensor<5xf32>", "different numbers of elements"),
        ("%0 = pphlo.transpose %arg0, dims = [0, 0] : (tensor<2x3xf32>) -> tensor<2x2xf32>", "not a permutation"),
        ("%0 = pphlo.transpose %arg0, dims = [1, 0] : (tensor<2x3xf32>) -> tensor<2x3xf32>", "is not"),
        ("%0 = pphlo.broadcast %arg0, dims = [0, 1] : (tensor<2x3xf32>) -> tensor<2x4xf32>", "does not broadcast"),
        ("%0 = pphlo.slice %arg0 [0:1:3, 0:1:3] : (tensor<2x3xf32>) -> tensor<3x3xf32>", "leave the operand"),
        ("%0 = pphlo.dot %arg0, %arg0 : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>", "does not give"),
        ("%0 = pphlo.negate %arg0 : (tensor<2x3xf32>) -> tensor<3x2xf32>", "operand of shape"),
        (
            '"pphlo.if"(%arg0) ({ pphlo.return }, { pphlo.return }) : (tensor<2x3xf32>) -> ()',
            "chosen by one number",
        ),
        (
            "%c = pphlo.constant dense<true> : tensor<i1>\n"
            '%0 = "pphlo.if"(%c) ({ pphlo.return %c : tensor<i1> }, { pphlo.return %arg0 : tensor<2x3xf32> })'
            " : (tensor<i1>) -> tensor<i1>",
            "a branch does not take nothing and return",
        ),
        (
            "%0 = pphlo.concatenate %arg0, %arg0 dim = 0 : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<3x3xf32>",
            "entries",
        ),
    ],
)
def test_shapes_are_verified(operation: str, reason: str) -> None:
    text = f"func.func @main(%arg0: tensor<2x3xf32>) {{\n  {operation}\n  return\n}}"
    with pytest.raises(pphlo.InvalidProgram, match=reason):
        pphlo.parse_module(text)


@pytest.mark.parametrize("literal", ["[1.0, 2.0]", '"0x00"', '"0xZZ"', "0x1FFFFFFFF", "nothing"])
def test_literal_that_does_not_fit_is_refused_on_reading(literal: str) -> None:
    text = f"func.func @main() {{\n  %0 = pphlo.constant dense<{literal}> : tensor<3xf32>\n  return\n}}"
    constant = next(op for op in pphlo.parse_module(text).walk() if isinstance(op, pphlo.ConstantOp))
    with pytest.raises(pphlo.InvalidProgram, match="'pphlo.constant' of type tensor<3xf32>"):
        constant.numpy()


def test_types_tell_visibility() -> None:
    secret = TensorType(pphlo.SecretType(Float16Type()), [2])
    public = TensorType(Float16Type(), [2])
    assert pphlo.is_secret(secret) and not pphlo.is_secret(public)
    assert pphlo.element_type(secret) == pphlo.element_type(public) == Float16Type()


def test_verifier_runs_on_rewritten_modules() -> None:
    module = pphlo.parse_module((DATA / "layer_norm.pphlo").read_text())
    reduce = next(op for op in function_named(module, "main").walk() if isinstance(op, pphlo.ReduceOp))
    reduce.properties["dims"] = pphlo.i64_array([0])
    with pytest.raises(VerifyException, match="pphlo.reduce"):
        module.verify()
