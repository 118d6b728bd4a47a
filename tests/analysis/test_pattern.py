"""Patterns match the formulas they are written as, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from xdsl.ir import SSAValue

from ditto.analysis.look_through import origin
from ditto.analysis.pattern import Pattern, either, every, made, match, matches, multiple, named, number, through
from ditto.dialects import pphlo, ring

X, LESS = "tensor<2x!ring.fxp<64, 8>>", "tensor<1x2x!ring.fxp<64, 8>>"
TEXT = f"""
func.func @main(%x: {X}, %y: {X}) -> {X} {{
  %c = ring.constant dense<1.5> : tensor<f64>
  %p = ring.encode %c {{fraction = 8 : i64}} : (tensor<f64>) -> tensor<i64>
  %n = ring.constant dense<[1.0, 2.0]> : tensor<2xf64>
  %q = ring.encode %n {{fraction = 8 : i64}} : (tensor<2xf64>) -> tensor<2xi64>
  %sum = ring.add %x, %y : ({X}, {X}) -> {X}
  %difference = ring.sub %x, %y : ({X}, {X}) -> {X}
  %nothing = ring.sub %x, %x : ({X}, {X}) -> {X}
  %product = ring.mul %difference, %sum {{shift = 8 : i64}} : ({X}, {X}) -> {X}
  %moved = ring.reshape %sum : ({X}) -> {LESS}
  %back = ring.reshape %moved : ({LESS}) -> {X}
  %far = ring.sub %back, %x : ({X}, {X}) -> {X}
  %plus = ring.add_public %sum, %p : ({X}, tensor<i64>) -> {X}
  %row = ring.add_public %sum, %q : ({X}, tensor<2xi64>) -> {X}
  %half = ring.mul_public %difference, %p {{shift = 8 : i64}} : ({X}, tensor<i64>) -> {X}
  %e = ring.constant dense<2.5> : tensor<f64>
  %r = ring.encode %e {{fraction = 8 : i64}} : (tensor<f64>) -> tensor<i64>
  %compared = ring.add_public %half, %p : ({X}, tensor<i64>) -> {X}
  %other = ring.add_public %half, %r : ({X}, tensor<i64>) -> {X}
  %both = ring.add %difference, %sum : ({X}, {X}) -> {X}
  %twice = ring.mul %both, %difference {{shift = 8 : i64}} : ({X}, {X}) -> {X}
  func.return %far : {X}
}}"""


@pytest.fixture
def values() -> dict[str, SSAValue]:
    """The values of the program above by their names."""
    block = ring.main(ring.parse_module(TEXT)).body.block
    return {value.name_hint or "": value for value in (*block.args, *(op.results[0] for op in block.ops if op.results))}


def test_a_name_captures_and_a_value_stands_for_itself(values: dict[str, SSAValue]) -> None:
    assert match(values["difference"], made(ring.SubOp, "a", "b")) == {"a": values["x"], "b": values["y"]}
    assert match(values["difference"], made(ring.SubOp, values["x"], "b")) == {"b": values["y"]}
    assert match(values["difference"], made(ring.SubOp, "a", values["x"])) is None
    assert match(values["difference"], made(ring.AddOp, "a", "b")) is None
    assert match(values["x"], made(ring.AddOp, "a", "b")) is None


def test_a_name_that_comes_again_is_the_same_value(values: dict[str, SSAValue]) -> None:
    pattern = made(ring.SubOp, "a", "a")
    assert match(values["nothing"], pattern) == {"a": values["x"]}
    assert match(values["difference"], pattern) is None


def test_operands_that_are_not_named_may_be_any(values: dict[str, SSAValue]) -> None:
    assert matches(values["difference"], made(ring.SubOp))
    assert match(values["difference"], made(ring.SubOp, "a")) == {"a": values["x"]}
    # No operation has as many operands as this.
    assert not matches(values["difference"], made(ring.SubOp, "a", "b", "c"))


def test_what_commutes_is_matched_in_both_orders(values: dict[str, SSAValue]) -> None:
    factor = named("difference", made(ring.SubOp))
    assert match(values["product"], made(ring.MulOp, "other", factor)) == {
        "other": values["sum"],
        "difference": values["difference"],
    }
    assert match(values["sum"], made(ring.AddOp, values["y"], "other")) == {"other": values["x"]}
    assert matches(values["sum"], made(ring.AddOp, values["y"]))
    assert match(values["difference"], made(ring.SubOp, values["y"], "other")) is None


def test_an_order_that_contradicts_the_rest_is_given_up(values: dict[str, SSAValue]) -> None:
    # (a + b) * a: the sum's operands, in the order they stand in, would make `a` the sum.
    found = match(values["twice"], made(ring.MulOp, made(ring.AddOp, "b", "a"), "a"))
    assert found == {"a": values["difference"], "b": values["sum"]}


def test_looks_through_what_it_is_told(values: dict[str, SSAValue]) -> None:
    direct, behind = (
        made(ring.SubOp, made(ring.AddOp)),
        made(ring.SubOp, through(origin, named("sum", made(ring.AddOp)))),
    )
    assert match(values["far"], direct) is None
    assert match(values["far"], behind) == {"sum": values["sum"]}


def test_a_number_that_comes_again_is_the_same_number(values: dict[str, SSAValue]) -> None:
    halved = made(ring.MulPublicOp, "d", number("n"))
    assert match(values["compared"], made(ring.AddPublicOp, halved, number("n"))) == {
        "d": values["difference"],
        "n": 1.5,
    }
    assert match(values["other"], made(ring.AddPublicOp, halved, number("n"))) is None


@pytest.mark.parametrize(
    ("name", "pattern", "found"),
    [
        ("plus", number("p"), {"p": 1.5}),
        ("plus", number(1.5), {}),
        ("plus", number(2.0), None),
        ("row", number("p"), None),
    ],
)
def test_numbers(values: dict[str, SSAValue], name: str, pattern: Pattern, found: dict[str, float] | None) -> None:
    assert match(values[name], made(ring.AddPublicOp, values["sum"], pattern)) == found


def test_multiples(values: dict[str, SSAValue]) -> None:
    pattern: Callable[[str], Pattern] = lambda factor: multiple(factor, named("v", made(ring.SubOp)))  # noqa: E731
    assert match(values["half"], pattern("by")) == {"by": 1.5, "v": values["difference"]}
    assert match(values["difference"], pattern("by")) == {"by": 1.0, "v": values["difference"]}
    assert match(values["plus"], pattern("by")) is None


def test_the_first_alternative_that_fits(values: dict[str, SSAValue]) -> None:
    pattern = either(made(ring.AddPublicOp, "v", number("eps")), "v")
    assert match(values["plus"], pattern) == {"v": values["sum"], "eps": 1.5}
    assert match(values["row"], pattern) == {"v": values["row"]}


def test_an_operation_stands_for_its_one_result(values: dict[str, SSAValue]) -> None:
    block = ring.main(ring.parse_module(TEXT)).body.block
    assert block.last_op is not None
    assert not matches(block.last_op, "anything")
    assert [matches(op, made(ring.SubOp)) for op in every(block, ring.SubOp, ring.AddOp)] == [
        *(False, True, True),
        *(True, False),
    ]


def test_pphlo_numbers() -> None:
    module = pphlo.parse_module("""
func.func @main(%x: tensor<4x!pphlo.secret<f32>>) -> tensor<4x!pphlo.secret<f32>> {
  %a = pphlo.constant dense<0.0> : tensor<f32>
  %b = pphlo.broadcast %a, dims = [] : (tensor<f32>) -> tensor<4xf32>
  %c = pphlo.maximum %x, %b : (tensor<4x!pphlo.secret<f32>>, tensor<4xf32>) -> tensor<4x!pphlo.secret<f32>>
  return %c : tensor<4x!pphlo.secret<f32>>
}""")
    (maximum,) = every(module, pphlo.MaximumOp)
    assert match(maximum, made(pphlo.MaximumOp, number(0), "x")) == {"x": maximum.lhs}
