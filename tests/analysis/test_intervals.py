"""Intervals hold what is computed from operands within theirs; claims say what they cut."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import ModuleOp

from ditto.analysis.intervals import ARGUMENT_BOUNDS, Interval, Intervals, unit
from ditto.dialects import ring
from ditto.dialects.dense import Array
from ditto.interpreter.ring import RingInterpreter

X, WIDE = "tensor<2x4x!ring.fxp<64, 12>>", "tensor<2x4x!ring.fxp<64, 18>>"
ROW, BIT = "tensor<2x!ring.fxp<64, 12>>", "tensor<2x4x!ring.bit>"
CONSTANT = "%c = ring.constant dense<{number:.17e}> : tensor<f64>\n%p = ring.encode %c {{fraction = 8 : i64}} : {kinds}"
ENCODE = "(tensor<f64>) -> tensor<i64>"

# Operations on x and y, both of type X, whose rules are not those of all moves.
OPERATIONS = {
    "add": f"ring.add %x, %y : ({X}, {X}) -> {X}",
    "sub": f"ring.sub %x, %y : ({X}, {X}) -> {X}",
    "neg": f"ring.neg %x : ({X}) -> {X}",
    "mul": f"ring.mul %x, %y {{shift = 12 : i64}} : ({X}, {X}) -> {X}",
    "square": f"ring.square %x {{shift = 12 : i64}} : ({X}) -> {X}",
    "mul_public": f"ring.mul_public %x, %p {{shift = 8 : i64}} : ({X}, tensor<i64>) -> {X}",
    "shl": f"ring.shl %x {{bits = 6 : i64}} : ({X}) -> {WIDE}",
    "relabel": f"ring.relabel %x : ({X}) -> {WIDE}",
    "down_cast": f"ring.down_cast %x {{shift = 4 : i64}} : ({X}) -> tensor<2x4x!ring.fxp<64, 8>>",
    "sum": f"ring.sum %x {{dims = array<i64: 1>}} : ({X}) -> {ROW}",
    "max": f"ring.max %x {{axis = 1 : i64, bits = 64 : i64, drop = 0 : i64}} : ({X}) -> {ROW}",
    "select": f"ring.select %b, %x, %y : ({BIT}, {X}, {X}) -> {X}",
    "bit_mul": f"ring.bit_mul %b, %x : ({BIT}, {X}) -> {X}",
    "gelu": f"ring.gelu %x {{bits = 64 : i64}} : ({X}) -> {X}",
    "tanh": f"ring.tanh %x {{bits = 64 : i64}} : ({X}) -> {X}",
    "polynomial": f"ring.polynomial %x {{coefficients = array<f64: 0.5, -1.0, 0.25>}} : ({X}) -> {X}",
    "slice": f"ring.slice %x {{start = array<i64: 0, 1>, limit = array<i64: 2, 3>, stride = array<i64: 1, 1>}} : "
    f"({X}) -> tensor<2x2x!ring.fxp<64, 12>>",
    "matmul": "ring.matmul %m, %n {shift = 12 : i64} : "
    "(tensor<1x2x4x!ring.fxp<64, 12>>, tensor<1x4x2x!ring.fxp<64, 12>>) -> tensor<1x2x2x!ring.fxp<64, 12>>",
}


def program(operation: str, number: float) -> ModuleOp:
    """One operation of x and y (each times one, so that it has an interval of its own) and of a bit."""
    return ring.parse_module(f"""
func.func @main(%x: {X}, %y: {X}, %b: {BIT}) -> {X} {{
  {CONSTANT.format(number=number, kinds=ENCODE)}
  %m = ring.reshape %x : ({X}) -> tensor<1x2x4x!ring.fxp<64, 12>>
  %n = ring.reshape %y : ({X}) -> tensor<1x4x2x!ring.fxp<64, 12>>
  %r = {operation}
  return %x : {X}
}}""")


def numbers(interval: tuple[float, float]) -> st.SearchStrategy[list[float]]:
    """Eight numbers of an interval, its ends among them."""
    inner = st.floats(*interval, allow_nan=False)
    return st.lists(inner | st.sampled_from(interval), min_size=8, max_size=8)


@st.composite
def operands(draw: st.DrawFn) -> tuple[list[tuple[float, float]], list[Array]]:
    """Intervals of x and y, and arrays within them."""
    intervals, arrays = [], []
    for _ in range(2):
        ends = sorted(draw(st.tuples(st.floats(-50, 50), st.floats(-50, 50))))
        # On the grid, so that encoding moves nothing out of an interval.
        low, high = (math.floor(end * 2.0**12) / 2.0**12 for end in ends)
        intervals.append((low, high))
        arrays.append(np.array(draw(numbers((low, high)))).reshape(2, 4))
    return intervals, arrays


@pytest.mark.parametrize("name", OPERATIONS)
@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(drawn=operands(), number=st.floats(-30, 30), bits=st.lists(st.booleans(), min_size=8, max_size=8))
def test_results_lie_within_their_interval(name: str, drawn: Any, number: float, bits: list[bool]) -> None:
    module = program(OPERATIONS[name], number)
    block = ring.main(module).body.block
    known, (x, y) = drawn
    intervals = Intervals(ring.main(module))
    for argument, ends in zip(block.args, known):
        intervals.known[argument] = Interval(*ends)
    interpreter = RingInterpreter(wrap=False)
    values: dict[Any, Array] = {}
    for argument, array in zip(block.args, (x, y, np.array(bits).reshape(2, 4))):
        values[argument] = interpreter.entered(argument, array)
    for op in list(block.ops)[:-1]:
        values[op.results[0]] = interpreter.run(op, [values[operand] for operand in op.operands])
        if not isinstance(op, ring.RingOp):
            continue
        intervals.visit(op)
        if ring.is_fxp(op.result):
            real, held = (
                np.ldexp(values[op.result].astype(np.float64), -ring.fraction(op.result)),
                intervals.of(op.result),
            )
            # The interpreter rounds by a unit at most.
            assert held.low - unit(op.result) <= real.min() and real.max() <= held.high + unit(op.result), op.name
    assert not intervals.claims


def test_a_product_beyond_what_its_ring_promises_is_claimed() -> None:
    module = program(OPERATIONS["mul"], 1.0)
    intervals = Intervals(ring.main(module))
    for op in ring.main(module).body.block.ops:
        if isinstance(op, ring.RingOp):
            intervals.visit(op)
    ((value, proven),) = intervals.claims.items()
    assert value.owner.name == "ring.mul"  # type: ignore[union-attr]
    # Arguments below 2^26 give products below 2^52; the claim is 2^27.
    assert proven.size == pytest.approx(2.0**52, rel=1e-6)
    assert 2.0**26 < intervals.of(value).size < 2.0**27


def test_evidence_cuts_what_is_opened_and_a_change_of_fraction_claims_nothing() -> None:
    module = program(OPERATIONS["square"], 1.0)
    function = ring.main(module)
    function.attributes[ARGUMENT_BOUNDS] = ring.attribute([8.0, 8.0, 0.0])
    (square,) = (op for op in function.body.block.ops if isinstance(op, ring.SquareOp))
    square.attributes["bound"] = ring.attribute(4.0)
    intervals = Intervals(function)
    for op in function.body.block.ops:
        if isinstance(op, ring.RingOp):
            intervals.visit(op)
    assert intervals.claims[square.result].size == pytest.approx(64, rel=1e-3)
    held = intervals.of(square.result)
    assert held.high == 4 - unit(square.result) and -4 * unit(square.result) <= held.low <= 0

    module = program(OPERATIONS["down_cast"], 1.0)
    intervals = Intervals(ring.main(module))
    (cast,) = (op for op in ring.main(module).body.block.ops if isinstance(op, ring.DownCastOp))
    intervals.known[cast.arguments[0]] = Interval(-(2.0**40), 2.0**40)
    intervals.visit(cast)
    assert not intervals.claims and intervals.of(cast.result).high >= 2.0**40


@given(st.floats(-(2.0**60), 2.0**60), st.integers(0, 20))
def test_bits_hold_a_number_and_one_unit_of_rounding(number: float, fraction: int) -> None:
    bits = Interval(min(number, 0.0), max(number, 0.0)).bits(fraction)
    # Integers have one more below zero than above, as in their dtypes.
    size = math.ceil(abs(number) * 2.0**fraction) - (number < 0 and fraction == 0)
    assert size < 2**bits
    assert bits == 1 or size >= 2 ** (bits - 1)


def test_what_no_ring_holds_has_more_bits_than_any() -> None:
    assert Interval(0.0, float(np.finfo(np.float64).max)).bits(18) > ring.MAX_WIDTH


@pytest.mark.parametrize(
    ("step", "low", "high"),
    [
        ("%d = ring.sub %y, %x : ({X}, {X}) -> {X}", -5.0, 9.0),
        ("%d = ring.neg %x : ({X}) -> {X}", -5.0, 3.0),
        ("%n = ring.neg %x : ({X}) -> {X}\n%d = ring.add_public %n, %p : ({X}, tensor<i64>) -> {X}", -5.0, 8.0),
    ],
)
def test_what_is_chosen_by_a_public_bit_is_one_of_two_values(step: str, low: float, high: float) -> None:
    module = ring.parse_module(f"""
func.func @main(%x: {X}, %y: {X}, %b: tensor<2x4xi1>) -> {X} {{
  {CONSTANT.format(number=8.0, kinds=ENCODE).replace("fraction = 8", "fraction = 12")}
  {step.format(X=X)}
  %e = ring.mul_public %d, %b {{shift = 0 : i64}} : ({X}, tensor<2x4xi1>) -> {X}
  %r = ring.add %e, %x {{chosen = 1 : i64}} : ({X}, {X}) -> {X}
  return %r : {X}
}}""")
    function = ring.main(module)
    intervals = Intervals(function)
    x, y, _ = function.body.block.args
    intervals.known.update({x: Interval(-5, 3), y: Interval(2, 9)})
    for op in function.body.block.ops:
        if isinstance(op, ring.RingOp):
            intervals.visit(op)
    last = function.body.block.last_op
    assert last is not None
    found = intervals.of(last.operands[0])
    assert (found.low, found.high) == pytest.approx((low, high), abs=2 * unit(last.operands[0]))
