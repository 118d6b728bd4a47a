"""Guarded programs: a run with a value out of its range has no result but RangeError, and the next run works."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import spu

import spu_ditto
from ditto import _core
from ditto.dialects import ring
from ditto.interpreter.ring import evaluate_ring
from ditto.lowering.lower_to_program import lower_to_program
from ditto.parties.cost import CostLine, cost_analysis
from ditto.parties.local import processes
from ditto.parties.program import RingProgram
from ditto.parties.runtime import Runtime, Stored
from ditto.parties.simulator import Simulator
from ditto.passes.ring_rewriting import erase_dead
from spu_ditto.reports.html import description
from spu_ditto.reports.side_by_side import unguarded
from tests.e2e.programs import Builder, bit, fxp, value_type

SHAPE = [40, 50]
X, Y = fxp(32, 8, SHAPE), fxp(20, 8, SHAPE, 14)
# 2^12 units are 16: x^2 beyond 16 may be refused, beyond 24 it is.
LEGAL, ILLEGAL = 4.0, 5.0


def guarded() -> RingProgram:
    """x^2 and max(x, 0), where x^2 is guarded and x must not be below -3."""
    b = Builder()
    x, floor = b.input(X), b.constant(3 << 8)
    square = b.op("square", [x], Y, layer="first", shift=8)
    kept = b.op("require_range", [square], Y, layer="first", bits=14)
    above = b.op("add_public", [x, floor], X, layer="second")
    low = b.op("require_false", [b.op("msb", [above], bit(SHAPE), layer="second", bits=16, drop=0)], bit(SHAPE))
    zero = b.op("bit_mul", [low, kept], Y, layer="second")
    return b.program(b.op("add", [kept, zero], Y, layer="second"))


def numbers(outlier: float | None = None) -> Any:
    """Numbers within the ranges, and one more."""
    x = np.random.default_rng(3).uniform(-3, LEGAL, SHAPE)
    if outlier is not None:
        x[17, 4] = outlier
    return x


def put(runtime: Runtime, x: Any) -> Stored:
    return runtime.put(np.rint(x * 256).astype(np.int64), value_type(X))


@pytest.fixture(scope="module", params=["simulator", "processes"])
def runtime(request: pytest.FixtureRequest) -> Iterator[Runtime]:
    if request.param == "simulator":
        yield Simulator()
    else:
        with processes() as parties:
            yield parties


@pytest.mark.parametrize("offline_first", [False, True])
def test_runs_in_range_compute_and_send_what_they_declare(runtime: Runtime, offline_first: bool) -> None:
    program, x = guarded(), numbers()
    [result], report = runtime.run(program, [put(runtime, x)], offline_first=offline_first)
    np.testing.assert_allclose(result / 256, x**2, atol=0.05)
    cost = cost_analysis(program)
    assert (report.offline_bytes, report.online_bytes, report.rounds) == (
        cost.offline_bytes,
        cost.online_bytes,
        cost.rounds,
    )
    for lines in (cost.operations, cost.layers):
        assert lines[-1] == CostLine("guard", 1, 400, 20, 2)
    lines = {line.name: line for line in report.operations}
    assert (lines["guard"].offline_bytes, lines["guard"].online_bytes, lines["guard"].rounds) == (400, 20, 2)
    assert (lines["require_range"].offline_bytes, lines["require_range"].rounds) == (x.size, 0)
    assert (lines["require_false"].offline_bytes, lines["require_false"].rounds) == (0, 0)
    assert [event.name for event in report.events if event.party == 1][-1] == "guard"


@pytest.mark.parametrize("outlier", [ILLEGAL, -ILLEGAL, -3.01])
def test_a_value_out_of_range_withholds_the_result_and_nothing_else(runtime: Runtime, outlier: float) -> None:
    program = guarded()
    bad, good = put(runtime, numbers(outlier)), put(runtime, numbers())
    for offline_first in (False, True):
        with pytest.raises(spu_ditto.RangeError, match="a value left the range that the program assumes") as failure:
            runtime.run(program, [bad], offline_first=offline_first)
        assert not any(digit in str(failure.value) for digit in "0123456789")
        [result], _ = runtime.run(program, [good])
        np.testing.assert_allclose(result / 256, numbers() ** 2, atol=0.05)


def test_parties_tell_the_engine_s_caller() -> None:
    program, parties = guarded(), _core.Simulator(20.0)
    loaded = _core.Program(program.engine, program.constants)
    x = parties.put(np.rint(numbers(ILLEGAL) * 256).astype(np.int64), 32)
    with pytest.raises(_core.RangeViolation):
        parties.run(loaded, [x])


def test_the_page_shows_the_guard() -> None:
    program, parties = guarded(), Simulator()
    _, report = parties.run(program, [put(parties, numbers())])
    shown = description(dataclasses.replace(report, program=program))
    assert [shown["layers"][op["layer"]] for op in shown["ops"]][-1] == "guard"
    for name in ("offline", "online", "rounds"):
        assert sum(op[name] for op in shown["ops"]) == shown["totals"][name]


def test_a_divergence_is_shown_whatever_leaves_its_range() -> None:
    program, parties = guarded(), Simulator()
    program = dataclasses.replace(program, engine=json.dumps(unguarded(json.loads(program.engine))))
    [result], report = parties.run(program, [put(parties, numbers(ILLEGAL))])
    np.testing.assert_allclose(result / 256, numbers(ILLEGAL) ** 2, atol=0.05)
    assert {line.name for line in report.operations} == {"square", "reshape", "add_public", "msb", "bit_mul", "add"}


@pytest.mark.parametrize(
    ("op", "value", "attrs", "message"),
    [
        ("require_range", X, {"bits": 2}, "attribute bits is 2, not within 3..32"),
        ("require_range", X, {"bits": 33}, "attribute bits is 33, not within 3..32"),
        ("require_range", bit(SHAPE), {"bits": 8}, "is not of the kind this op takes"),
        ("require_false", X, {}, "is not of the kind this op takes"),
    ],
)
def test_guards_that_cannot_be_are_refused(op: str, value: Any, attrs: dict[str, int], message: str) -> None:
    b = Builder()
    x = b.input(value)
    with pytest.raises(_core.ProgramError, match=message):
        _core.Program(b.text(b.op(op, [x], value, **attrs)), [])


@pytest.mark.parametrize("times", [1.5, 2.1, 2.6])
def test_a_returned_product_beyond_its_range_is_right_or_refused(times: float) -> None:
    rng = np.random.default_rng(0)
    x, w = (rng.standard_normal(shape).astype(np.float32) for shape in ((128, 64), (64, 64)))
    secure = spu.compile(lambda x, w: x @ w, ring_policy="ditto", calibration=[(x.copy(), w.copy())])
    product = next(op for op in secure.lower(x, w).as_text("ring").splitlines() if "ring.matmul " in op)
    assert (found := re.search(r"range = (\d+) .*fxp<\d+, (\d+)>>$", product))
    limit = 2.0 ** (int(found[1]) - int(found[2]))
    x[3], w[:, 5] = 1.0, times * limit / 64
    for _ in range(12):
        with contextlib.suppress(spu_ditto.RangeError):
            np.testing.assert_allclose(secure(x, w), x @ w, atol=0.1)


F, B = "tensor<3x!ring.fxp<20, 4>>", "tensor<3x!ring.bit>"
DIALECT = f"""
func.func @main(%x: {F}, %b: {B}) -> ({F}, {B}) {{
  %0 = ring.require_range %x {{bits = 12 : i64}} : ({F}) -> {F}
  %1 = ring.require_range %x {{bits = 12 : i64}} : ({F}) -> {F}
  %2 = ring.require_false %b : ({B}) -> {B}
  %3 = ring.neg %x : ({F}) -> {F}
  return %0, %2 : {F}, {B}
}}"""


def test_the_dialect_keeps_guards_whose_results_are_unused() -> None:
    module = ring.parse_module(DIALECT)
    erase_dead(ring.main(module).body.block)
    assert ring.to_text(module).count("ring.require_range") == 2
    assert "ring.neg" not in ring.to_text(module)
    lower_to_program(module)
    x, b = np.array([1.5, -2, 8]), np.array([False, False, False])
    results = evaluate_ring(module, [x, b])
    assert results[0].tolist() == x.tolist() and results[1].tolist() == b.tolist()
