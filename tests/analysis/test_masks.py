"""Which encodings are masks, how large they are made, and what is said of where they arrive."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pytest

from ditto.analysis.intervals import ARGUMENT_BOUNDS, CLAIM
from ditto.analysis.masks import INFINITE_RESULTS, INFINITIES, intervals_with_masks
from ditto.analysis.pattern import every
from ditto.dialects import ring

X, ROW, BIT = "tensor<2x4x!ring.fxp<64, 8>>", "tensor<2x!ring.fxp<64, 8>>", "tensor<2x4x!ring.bit>"
INFINITY = {"-inf": "0xFFF0000000000000", "inf": "0x7FF0000000000000"}
MAX = f"ring.max %s {{axis = 1 : i64, bits = 64 : i64, drop = 0 : i64}} : ({X}) -> {ROW}"
PLUS = f"({X}, tensor<i64>) -> {X}"


@dataclass
class Program:
    """What the analysis has written into a program.

    Attributes:
        masks: the exponents of the encodings, None where one is no mask.
        claims: what is claimed of the maxima.
        notes: of the function.
    """

    masks: list[int | None]
    claims: list[float | None]
    notes: dict[str, Any]


def analysed(*lines: str, result: str = f"%x : {X}", bound: float = 10.0) -> Program:
    """A program on scores x and y below `bound`, a bit b for each, and a public argument q."""
    kind = result.partition(" : ")[2]
    body = "\n".join(lines)
    module = ring.parse_module(f"""
func.func @main(%x: {X}, %y: {X}, %b: {BIT}, %q: tensor<2x4xf64>) -> {kind}
    attributes {{{ARGUMENT_BOUNDS} = array<f64: {bound}, {bound}, 0.0, 0.0>}} {{
{body}
return {result}
}}""")
    function = ring.main(module)
    intervals_with_masks(function)
    return Program(
        [op.get("mask") for op in every(function, ring.EncodeOp)],
        [op.get(CLAIM) for op in every(function, ring.MaxOp)],
        {name: ring.plain(value) for name, value in function.attributes.items() if name.startswith("ditto.infini")},
    )


def encoded(name: str, number: str) -> str:
    """A public number by a name."""
    return (
        f"%{name}c = ring.constant dense<{INFINITY.get(number, number)}> : tensor<f64>\n"
        f"%{name} = ring.encode %{name}c {{fraction = 8 : i64}} : (tensor<f64>) -> tensor<i64>"
    )


@pytest.mark.parametrize("number", ["-inf", "-65504.0", "-3.0e38"])
def test_what_is_added_to_scores_and_compared_is_a_mask(number: str) -> None:
    program = analysed(encoded("p", number), f"%s = ring.add_public %x, %p : {PLUS}", f"%m = {MAX}")
    # 2 * 11 + 32 is below 2^6, and a maximum of masks alone is refused.
    assert program == Program([6], [2.0**6], {})


@pytest.mark.parametrize(("bound", "exponent"), [(10.0, 6), (1000.0, 11), (2.0**20, 22)])
def test_a_mask_is_far_below_what_it_is_compared_with(bound: float, exponent: int) -> None:
    program = analysed(encoded("p", "-inf"), f"%s = ring.add_public %x, %p : {PLUS}", f"%m = {MAX}", bound=bound)
    assert program.masks == [exponent]
    assert 2.0**exponent >= 2 * bound + 32


def test_a_number_like_any_other_is_no_mask() -> None:
    program = analysed(encoded("p", "-10000.0"), f"%s = ring.add_public %x, %p : {PLUS}", f"%m = {MAX}")
    assert program == Program([None], [None], {})


def test_numbers_known_at_the_call_may_be_masks() -> None:
    line = "%p = ring.encode %q {fraction = 8 : i64} : (tensor<2x4xf64>) -> tensor<2x4xi64>"
    program = analysed(line, f"%s = ring.add_public %x, %p : ({X}, tensor<2x4xi64>) -> {X}", f"%m = {MAX}")
    assert program.masks[0] is not None and program.claims[0] is not None


def test_what_is_chosen_is_exact_however_many_are() -> None:
    program = analysed(
        encoded("p", "-inf"), f"%s = ring.add_public %x, %p {{chosen = 1 : i64}} : {PLUS}", f"%m = {MAX}"
    )
    assert program == Program([6], [None], {})


def test_a_bit_times_infinity_is_a_mask_and_a_sum_of_such_is_no_score() -> None:
    bits = f"%n = ring.bit_to_fxp %b : ({BIT}) -> tensor<2x4x!ring.fxp<64, 0>>"
    times = f"ring.mul_public %n, %p {{shift = 0 : i64}} : (tensor<2x4x!ring.fxp<64, 0>>, tensor<i64>) -> {X}"
    alone = analysed(encoded("p", "-inf"), bits, f"%t = {times}", f"%s = ring.neg %t : ({X}) -> {X}", f"%m = {MAX}")
    assert alone == Program([6], [None], {})
    added = analysed(
        encoded("p", "-inf"), bits, f"%t = {times}", f"%s = ring.add %x, %t : ({X}, {X}) -> {X}", f"%m = {MAX}"
    )
    assert added.masks[0] is not None and added.claims == [2.0 ** added.masks[0]]


@pytest.mark.parametrize(
    "line",
    [
        f"%s = ring.reshape %z : ({X}) -> {X}",
        f"%s = ring.shl %z {{bits = 0 : i64}} : ({X}) -> {X}",
        f"%s = ring.select %b, %z, %y : ({BIT}, {X}, {X}) -> {X}",
        f"%s = ring.bit_mul %b, %z : ({BIT}, {X}) -> {X}",
        f"%s = ring.sub %y, %z : ({X}, {X}) -> {X}",
    ],
)
def test_moves_sums_and_choices_pass_a_mask_on(line: str) -> None:
    assert analysed(encoded("p", "-inf"), f"%z = ring.add_public %x, %p : {PLUS}", line, f"%m = {MAX}").masks != [None]


@pytest.mark.parametrize(
    "line",
    [
        f"%s = ring.square %z {{shift = 8 : i64}} : ({X}) -> {X}",
        f"%s = ring.mul %y, %z {{shift = 8 : i64}} : ({X}, {X}) -> {X}",
        f"%s = ring.mul_public %z, %p {{shift = 8 : i64}} : {PLUS}",
        f"%s = ring.tanh %z {{bits = 64 : i64}} : ({X}) -> {X}",
    ],
)
def test_what_is_computed_with_is_no_mask(line: str) -> None:
    program = analysed(encoded("p", "-70000.0"), f"%z = ring.add_public %x, %p : {PLUS}", line, f"%m = {MAX}")
    assert program == Program([None], [None], {})


@pytest.mark.parametrize(
    "end",
    [
        f"ring.msb %s {{bits = 64 : i64, drop = 0 : i64}} : ({X}) -> {BIT}",
        f"ring.equal_zero %s {{bits = 64 : i64}} : ({X}) -> {BIT}",
        f"ring.argmax %s {{axis = 1 : i64, bits = 64 : i64}} : ({X}) -> tensor<2x!ring.fxp<32, 0>>",
    ],
)
def test_an_order_may_be_asked_for(end: str) -> None:
    result = f"%m : {end.rpartition('-> ')[2]}"
    program = analysed(encoded("p", "-inf"), f"%s = ring.add_public %x, %p : {PLUS}", f"%m = {end}", result=result)
    assert program == Program([6], [], {})


def test_a_row_of_a_softmax_is_infinite_where_it_is_returned() -> None:
    lines = [f"%s = ring.add_public %x, %p : {PLUS}", f"%m = ring.sub %s, %y {{row = 4 : i64}} : ({X}, {X}) -> {X}"]
    returned = analysed(encoded("p", "-inf"), *lines, result=f"%m : {X}")
    assert returned.notes[INFINITE_RESULTS] == returned.masks
    squared = f"%k = ring.square %m {{shift = 8 : i64}} : ({X}) -> {X}"
    assert analysed(encoded("p", "-inf"), *lines, squared, result=f"%k : {X}") == Program([6], [], {})


def test_a_result_is_infinite_again() -> None:
    line = f"%s = ring.add_public %x, %p : {PLUS}"
    program = analysed(encoded("p", "-inf"), line, result=f"%s : {X}")
    assert program == Program([6], [], {INFINITE_RESULTS: [6], INFINITIES: [-math.inf, math.inf]})
    least = analysed(encoded("p", "-65504.0"), line, result=f"%s : {X}")
    assert least.notes[INFINITIES] == [-65504.0, math.inf]


def test_masks_for_different_numbers_cannot_be_told_apart_in_results() -> None:
    lines = encoded("p", "-inf"), encoded("r", "-70000.0"), f"%t = ring.add_public %x, %p : {PLUS}"
    program = analysed(*lines, f"%s = ring.add_public %t, %r : {PLUS}", result=f"%s : {X}")
    assert program == Program([None, None], [], {})


def test_masks_that_meet_have_one_size_and_others_do_not() -> None:
    large = f"%l = ring.relabel %y : ({X}) -> tensor<2x4x!ring.fxp<64, 2>>"
    wide = f"%w = ring.shl %l {{bits = 6 : i64}} : (tensor<2x4x!ring.fxp<64, 2>>) -> {X}"
    sums = [f"%s = ring.add_public %x, %p : {PLUS}", f"%t = ring.add_public %w, %r : {PLUS}"]
    maxima = [f"%m = {MAX}", f"%o = {MAX.replace('%s', '%t')}"]
    start = [encoded("p", "-inf"), encoded("r", "-inf"), large, wide]
    assert analysed(*start, *sums, *maxima).masks == [6, 11]
    met = f"%u = ring.sub %s, %t : ({X}, {X}) -> {X}"
    assert analysed(*start, *sums, met, *maxima, f"%v = {MAX.replace('%s', '%u')}").masks == [11, 11]
