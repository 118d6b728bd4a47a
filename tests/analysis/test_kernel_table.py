"""What the compiler learns from the engine's table, and that traits say the same."""

from __future__ import annotations

import pytest

from ditto.analysis.kernel_table import describe, integer_bits, landing, refusal, up_cast
from ditto.dialects import ring
from ditto.dialects.traits import KeepsRing, Local
from tests.conformance.ring_cases import CASES, RingCase


def operation(case: RingCase) -> ring.RingOp:
    [op, _] = ring.main(case.module()).body.block.ops
    assert isinstance(op, ring.RingOp)
    return op


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_traits_say_what_the_table_says(case: RingCase) -> None:
    """`widths.py` asks the traits of what is local, because that is quicker."""
    op = operation(case)
    if not op.has_trait(Local) or not ring.is_fxp(op.result) or case.op == "narrow":
        return
    width = ring.width(op.result)
    needs = landing(describe(op, {}), width).needs
    expected = width if op.has_trait(KeepsRing) else width + op.get("shift", 0)
    assert [need for need, value in zip(needs, op.arguments, strict=True) if ring.is_fxp(value)] == [
        expected for value in op.arguments if ring.is_fxp(value)
    ]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_engine_takes_what_it_asks_for(case: RingCase) -> None:
    op = operation(case)
    width = ring.width(op.result)
    ranges = {}
    for index, value in enumerate(case.operands):
        if value.kind != "x":
            continue
        low, high = (min(value.numbers), max(value.numbers)) if value.numbers else (value.low, value.high)
        ranges[index] = max(high, -low - 1, 1).bit_length()
    asked = landing(describe(op, ranges), width)
    assert asked.bits is not None or max(asked.needs) > ring.MAX_WIDTH or case.op in ("narrow", "up_cast", "extend")


def test_costs_are_those_of_the_protocols() -> None:
    assert up_cast(8, 20, 32) == ((20,), 8 * 4 * 12, 1)
    assert integer_bits("rsqrt", lo=0, hi=16) == 21


def test_a_refusal_says_why() -> None:
    [case] = [case for case in CASES if case.op == "msb" and case.attributes["bits"] == 41]
    op = operation(case)
    assert refusal(describe(op, {})) is None
    op.attributes["bits"] = ring.attribute(65)
    assert "bits is 65" in (refusal(describe(op, {})) or "")
