"""Traits agree with what the operations' own definitions say."""

from __future__ import annotations

import pytest
from xdsl.irdl import IRDLOperation
from xdsl.traits import Commutative

from ditto.dialects import ring
from ditto.dialects.pphlo_base import ElementwiseOp
from ditto.dialects.pphlo_elementwise import ELEMENTWISE
from ditto.dialects.ring_local import LOCAL
from ditto.dialects.ring_protocols import PROTOCOLS, Function, Guard, Interactive
from ditto.dialects.traits import (
    Chooses,
    Compares,
    Dot,
    Elementwise,
    KeepsNonNegative,
    Local,
    Moves,
    NonNegative,
    Orders,
    RealFunction,
    Rearranges,
    Rescales,
    Sums,
    TakesBelow,
    TakesPositive,
    Truncates,
)

OPERATIONS = [op for op in (*LOCAL, *PROTOCOLS) if issubclass(op, ring.RingOp)]


def named(op: type[IRDLOperation]) -> str:
    return str(op.name)


@pytest.mark.parametrize("op", [*LOCAL, *PROTOCOLS], ids=named)
def test_either_local_or_interactive(op: type[IRDLOperation]) -> None:
    # A convert is replaced by a cast, a normalisation by what it is made of, before anything runs.
    replaced = op in (ring.ConvertOp, ring.NormaliseOp)
    assert op.has_trait(Local) != (issubclass(op, Interactive | Guard) or replaced)


@pytest.mark.parametrize("op", OPERATIONS, ids=named)
def test_traits_name_attributes_that_the_operation_takes(op: type[ring.RingOp]) -> None:
    # Re-rounding takes its bits from the width too.
    assert op.has_trait(Truncates) == ("shift" in op.REQUIRED and op is not ring.ReroundOp)
    assert (op.has_trait(TakesPositive) or op.has_trait(TakesBelow)) == ("hi" in op.REQUIRED)
    compares = op.get_trait(Compares)
    # Bits to shift by, to start from, to guard, to have: nothing is compared that ranges would tell the width of.
    others = (
        {"bits"} if op in (ring.ShlOp, ring.ExtendOp, ring.RequireRangeOp, ring.RequireSumsOp, ring.ToBitsOp) else set()
    )
    assert {"bits", "clip_bits"} & {*op.REQUIRED, *op.OPTIONAL} - others == (
        {compares.attribute} if compares else set()
    )


@pytest.mark.parametrize("op", OPERATIONS, ids=named)
def test_one_trait_of_those_that_exclude_each_other(op: type[ring.RingOp]) -> None:
    assert not (op.has_trait(Moves) and op.has_trait(Elementwise))
    assert not (op.has_trait(NonNegative) and op.has_trait(KeepsNonNegative))
    assert op.has_trait(RealFunction) == issubclass(op, Function)


@pytest.mark.parametrize("op", OPERATIONS, ids=named)
def test_what_adds_up_says_how_many(op: type[ring.RingOp]) -> None:
    assert (op.has_trait(Sums) or op.has_trait(Dot)) == (op.terms is not ring.RingOp.terms)


@pytest.mark.parametrize("op", OPERATIONS, ids=named)
def test_what_asks_for_an_order_looks_at_bits(op: type[ring.RingOp]) -> None:
    if op.has_trait(Orders):
        assert op.has_trait(Compares)
        assert not op.has_trait(Chooses)


@pytest.mark.parametrize("op", OPERATIONS, ids=named)
def test_what_commutes_has_two_operands_of_one_kind(op: type[ring.RingOp]) -> None:
    if op.has_trait(Commutative):
        assert op.KINDS in ("xx", "bb")


@pytest.mark.parametrize("op", OPERATIONS, ids=named)
def test_what_is_only_moved_or_rescaled_has_one_operand(op: type[ring.RingOp]) -> None:
    if op.has_trait(Rearranges) or op.has_trait(Rescales):
        assert len(op.KINDS) == 1


def test_all_elementwise_pphlo_is_said_to_be() -> None:
    assert all(op.has_trait(Elementwise) for op in ELEMENTWISE)
    assert all(issubclass(op, ElementwiseOp) for op in ELEMENTWISE)
