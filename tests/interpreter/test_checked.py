"""The checked evaluation: every operation's precondition and range, and what may wrap."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ditto.dialects import ring
from ditto.dialects.ring_base import PureOp
from ditto.errors import RangeError
from ditto.interpreter.checked import PRECONDITIONS, check_ranges, preconditions_of
from ditto.passes.ring.assign_widths import AssignWidths
from ditto.passes.ring.expand_normalisation import ExpandNormalisation, scales
from ditto.passes.ring.ranges import Ranges


def fxp(width: int, fraction: int = 4, shape: str = "4x") -> str:
    return f"tensor<{shape}!ring.fxp<{width}, {fraction}>>"


def run(op: str, types: list[str], result: str, inputs: list[Any], **attributes: Any) -> list[Any]:
    """One operation in layer "here" on arguments of these types."""
    attrs = "".join(
        f", {name} = {value if isinstance(value, str) else f'{value} : i64'}" for name, value in attributes.items()
    )
    names = [f"%a{n}" for n in range(len(types))]
    text = f"""
func.func @main({", ".join(f"{n}: {t}" for n, t in zip(names, types))}) -> {result} {{
  %r = ring.{op} {", ".join(names)} {{layer = "here"{attrs}}} : ({", ".join(types)}) -> {result}
  return %r : {result}
}}"""
    return check_ranges(ring.parse_module(text), [np.asarray(x) for x in inputs])


def four(last: float) -> Any:
    """Three ones and another number."""
    return np.array([1.0, 1.0, 1.0, last])


F20, F64, BIT = fxp(20), fxp(64), "tensor<4x!ring.bit>"
ROWS, COLUMNS, CELL = fxp(20, 4, "1x1x4x"), fxp(20, 4, "1x4x1x"), fxp(12, 4, "1x1x1x")
PUBLIC = "tensor<4xi64>"
TRUE = np.ones(4, bool)
# Operation, types, result, attributes, inputs with the last legal number and with the first that is not, and what
# errors call it. Units are sixteenths.
CASES: dict[str, tuple[list[str], str, dict[str, Any], list[Any], list[Any], str]] = {
    "add": ([F20, F20], F20, {"range": 8}, [four(8), four(7)], [four(8), four(8)], "a value is 16 "),
    "sub": ([F20, F20], F20, {"range": 8}, [four(8), four(-7)], [four(8), four(-8)], "a value is 16 "),
    "neg": ([F20], F20, {"range": 8}, [four(15)], [four(16)], "a value is -16 "),
    "add_public": ([F20, PUBLIC], F20, {"range": 8}, [four(8), [127] * 4], [four(8), [128] * 4], "a value is 16 "),
    "mul_public": (
        [F64, PUBLIC],
        fxp(9),
        {"range": 8, "shift": 0},
        [four(5), [3] * 4],
        [four(5.5), [3] * 4],
        "a value is 16.5 ",
    ),
    "matmul_public": (
        [ROWS, "tensor<1x4x1xi64>"],
        CELL,
        {"range": 8, "shift": 0},
        [four(12).reshape(1, 1, 4), np.ones((1, 4, 1), int)],
        [four(13).reshape(1, 1, 4), np.ones((1, 4, 1), int)],
        "a value is 16 ",
    ),
    "down_cast": ([F20], fxp(9, 2), {"range": 6, "shift": 2}, [four(15.5)], [four(16)], "a value is 16 "),
    "narrow": ([F20], fxp(9), {}, [four(-16)], [four(16)], "a value is 16 "),
    "shl": ([F20], fxp(20, 6), {"range": 8, "bits": 2}, [four(3)], [four(4)], "a value is 4 "),
    "relabel": ([F20], fxp(20, 2), {"range": 8}, [four(15)], [four(16)], "a value is 64 "),
    "sum": ([F20], fxp(20, 4, ""), {"range": 8, "dims": "array<i64: 0>"}, [four(12)], [four(13)], "a value is 16,"),
    "take": ([F20, PUBLIC], F20, {}, [four(1), [0, 3, 2, -1]], [four(1), [0, 4, 2, -1]], "a public index is 4 "),
    "mul": ([F20, F20], fxp(16), {"shift": 4, "range": 8}, [four(3), four(5)], [four(4), four(4)], "a value is 16 "),
    "square": ([F20], fxp(16), {"shift": 4, "range": 8}, [four(3.9)], [four(-4)], "a value is 16 "),
    "matmul": (
        [ROWS, COLUMNS],
        CELL,
        {"shift": 4, "range": 8},
        [four(3).reshape(1, 1, 4), four(4).reshape(1, 4, 1)],
        [four(4).reshape(1, 1, 4), four(4).reshape(1, 4, 1)],
        "a value is 19 ",
    ),
    "conv": (
        [fxp(20, 4, "1x1x1x4x"), fxp(20, 4, "1x1x4x1x")],
        fxp(12, 4, "1x1x1x1x"),
        {"shift": 4, "range": 8, "strides": "array<i64: 1, 1>"},
        [four(3).reshape(1, 1, 1, 4), four(4).reshape(1, 1, 4, 1)],
        [four(4).reshape(1, 1, 1, 4), four(4).reshape(1, 1, 4, 1)],
        "a value is 19 ",
    ),
    "up_cast": ([fxp(10)], F20, {"range": 9}, [four(15.9)], [four(16)], "the operand is 16 "),
    "reround": ([F20], fxp(18, 2), {"shift": 2}, [four(32767.75)], [four(32767.9)], "the operand is 32767.9 "),
    "msb": ([F20], BIT, {"bits": 8, "drop": 2}, [four(7.75)], [four(7.8125)], "what is compared is 7.8125 "),
    "equal_zero": ([F20], BIT, {"bits": 8}, [four(-8)], [four(-9)], "what is compared is -9 "),
    "max": (
        [F20],
        fxp(20, 4, ""),
        {"axis": 0, "bits": 8, "drop": 0},
        [four(8)],
        [four(10)],
        "the difference of two elements of a row is 9,",
    ),
    "argmax": (
        [F20],
        fxp(20, 0, ""),
        {"axis": 0, "bits": 8},
        [four(-6)],
        [four(-8)],
        "the difference of two elements of a row is 9,",
    ),
    "bit_to_fxp": ([BIT], fxp(8, 0), {"range": 1}, [TRUE], [], ""),
    "bit_mul": ([BIT, F20], F20, {"range": 8}, [TRUE, four(15)], [TRUE, four(16)], "a value is 16 "),
    "select": (
        [BIT, F20, F20],
        F20,
        {"range": 8},
        [TRUE, four(15), four(99)],
        [~TRUE, four(15), four(99)],
        "a value is 99 ",
    ),
    "one_hot": ([fxp(20, 0)], fxp(4, 0, "4x5x"), {"depth": 5}, [four(4)], [four(5)], "an id is 5 "),
    "exp": (
        [F20],
        fxp(24, 14),
        {"slack": 1, "clip_bits": 10, "range": 15},
        [four(0.0625) - 1],
        [four(1.125) - 1],
        "the exponent is 0.125 ",
    ),
    "exp_below": (
        [F20],
        fxp(30, 14),
        {"hi": 3, "bits": 10, "range": 24},
        [four(3)],
        [four(3.25)],
        "the exponent is 3.25 ",
    ),
    "reciprocal": ([F20], fxp(30, 14), {"lo": 0, "hi": 3}, [four(7.9)], [four(0.9)], "the divisor is 0.875 "),
    "divide": (
        [F20, F20],
        fxp(30, 14),
        {"lo": 0, "hi": 3},
        [four(-9), four(7.9)],
        [four(-9), four(0)],
        "the divisor is 0 ",
    ),
    "rsqrt": ([F20], fxp(30, 14), {"lo": 0, "hi": 3}, [four(8)], [four(8.1)], "the operand is 8.125 "),
    "sqrt": ([F20], fxp(30, 14), {"hi": 3}, [four(8)], [four(8.1)], "the operand is 8.125 "),
    "log": ([F20], fxp(30, 14), {"lo": 0, "hi": 3}, [four(7.9)], [four(-1)], "the operand is -1 "),
    "tanh": ([F20], fxp(20, 12), {"bits": 8}, [four(3)], [four(3.1)], "the operand is 3.125 "),
    "gelu": ([F20], fxp(20, 8), {"bits": 8}, [four(-4)], [four(-4.2)], "the operand is -4.1875 "),
    "polynomial": (
        [fxp(10)],
        fxp(30, 14),
        {"coefficients": "array<f64: 0.0, 1.0, 1.0>"},
        [four(15.9)],
        [four(16)],
        "the operand is 16 ",
    ),
    "require_range": ([F20], F20, {"bits": 8, "legal": 3}, [four(6)], [four(6.1)], "a guarded value is 6.125 "),
    "require_sums": (
        [CELL, ROWS, "tensor<1x4x1xi64>"],
        CELL,
        {"bits": 8},
        [np.full((1, 1, 1), 4 + 3.9), four(1).reshape(1, 1, 4), np.ones((1, 4, 1), int)],
        [np.full((1, 1, 1), 4 + 4), four(1).reshape(1, 1, 4), np.ones((1, 4, 1), int)],
        "what a guarded sum is off by is 4 ",
    ),
    "require_false": ([BIT], BIT, {}, [~TRUE], [TRUE], "a guarded bit is 1 "),
}
# They move or combine what is in its range already, take whatever their ring holds, or are never executed.
WITHOUT = {
    *(
        "encode",
        "bit_xor",
        "bit_not",
        "bit_xor_public",
        "bit_and_public",
        "bit_and",
        "extend",
        "floor_shift",
        "from_bits",
        "parity",
        "sine",
        "to_bits",
        "convert",
        "normalise",
        "wrap",
    ),
    *("reshape", "transpose", "broadcast", "slice", "concat", "pad", "reverse"),
}


@pytest.mark.parametrize("op", CASES)
def test_an_operation_takes_and_gives_what_it_may_and_no_more(op: str) -> None:
    types, result, attributes, legal, illegal, named = CASES[op]
    run(op, types, result, legal, **attributes)
    if illegal:
        with pytest.raises(RangeError) as error:
            run(op, types, result, illegal, **attributes)
        assert str(error.value).startswith(f"ring.{op} in layer here: {named}"), error.value
        assert " is assumed; " in str(error.value)


def test_every_operation_has_a_case() -> None:
    names = {op.name.removeprefix("ring.") for op in ring.OPERATIONS}
    assert names == {*CASES, *WITHOUT} and not CASES.keys() & WITHOUT
    assert set(PRECONDITIONS) == set(ring.OPERATIONS)


def test_an_operation_that_says_nothing_of_itself_is_found() -> None:
    class Unheard(PureOp):
        name = "ring.unheard"

    assert preconditions_of(Unheard) is None


def test_products_of_more_than_64_bits_are_seen() -> None:
    """2^40 times 2^40 leaves nothing in 64 bits."""
    huge = np.array([2.0**40] * 4)
    for op, types, inputs in (("mul", [fxp(64, 0)] * 2, [huge, huge]), ("square", [fxp(64, 0)], [huge])):
        with pytest.raises(RangeError, match=rf"ring.{op} in layer here: a value is 1.20893e\+24 "):
            run(op, types, fxp(64, 0), inputs, shift=0)
    with pytest.raises(RangeError, match="ring.sum in layer here"):
        run("sum", [fxp(64, 0)], fxp(64, 0, ""), [np.array([2.0**61] * 4)], dims="array<i64: 0>")


def test_products_that_a_shift_brings_back_are_exact() -> None:
    """46 bits times 17, of which 20 go: more than a float64 holds."""
    x, y = np.array([2.0**45 - 1] * 4), np.array([2.0**17 - 1] * 4)
    [result] = run("mul", [fxp(64, 0), fxp(64, 20)], fxp(44, 0), [x, np.ldexp(y, -20)], shift=20)
    assert result.tolist() == [((2**45 - 1) * (2**17 - 1)) >> 20] * 4


def normalised(size: float, fraction: int = 18, count: int = 768) -> Any:
    """Rows of numbers below `size`, less their mean, over their deviation; compiled as far as widths."""
    x = fxp(64, fraction, f"6x{count}x")
    module = ring.parse_module(f"""
func.func @main(%x: {x}) -> {x} attributes {{ditto.argument_bounds = array<f64: {size}>}} {{
  %r = ring.normalise %x {{layer = "norm", dims = array<i64: 1>, eps = 1.0e-5 : f64}} : ({x}) -> {x}
  return %r : {x}
}}""")
    for step in (ExpandNormalisation(), Ranges(), AssignWidths()):
        step.apply(ring.context(), module)
    return module


@pytest.mark.parametrize("size", [100.0, 2.0**13])
def test_a_scale_of_a_variance_may_wrap_where_another_is_chosen(size: float) -> None:
    module = normalised(size)
    text = ring.to_text(module)
    assert text.count("ring.select") == text.count("ring.rsqrt") - 1 >= len(scales(18, 768, size)) - 1
    rows = np.random.default_rng(0).uniform(-1, 1, (6, 768)) * size
    x = rows / 10.0 ** np.arange(6)[:, None]
    x[:, 0] = np.minimum(size - 1, x[:, 0] + size / 2)
    [result] = check_ranges(module, [x])
    exact = (x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True)
    np.testing.assert_allclose(np.ldexp(result.astype(float), -18), exact, atol=0.02 * np.abs(exact).max())


def test_a_scale_that_wraps_must_not_be_chosen() -> None:
    """With the choice turned round, the finest scale serves the rows it cannot hold."""
    module = normalised(2.0**13)
    for op in list(ring.main(module).body.block.ops):
        if isinstance(op, ring.SelectOp):
            op.operands = [op.operands[0], op.operands[2], op.operands[1]]
    x = np.random.default_rng(0).uniform(-1, 1, (6, 768)) * 2.0**12
    with pytest.raises(RangeError, match=r"ring\.\w+ in layer norm: .* is assumed"):
        check_ranges(module, [x])
