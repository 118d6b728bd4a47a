"""Where integers lie: the ends of their dtype, exactly, and what is taken where the dtype is not known."""

from __future__ import annotations

import pytest

from ditto.analysis.intervals import Interval, Intervals, signed_integers
from ditto.dialects import ring
from ditto.policy.policy import ARGUMENT_BOUND


def intervals(dtypes: str | None, bounds: str = "") -> list[Interval]:
    """Of a secret and a public integer argument, and of the sum of the first with itself."""
    named = "" if dtypes is None else f"ditto.argument_types = [{dtypes}]"
    noted = ", ".join(note for note in (named, bounds) if note)
    module = ring.parse_module(
        f"""func.func @main(%x: tensor<3x!ring.fxp<32, 0>>, %p: tensor<3xi64>) -> tensor<3x!ring.fxp<32, 0>>
        attributes {{{noted}}} {{
          %0 = ring.add %x, %x : (tensor<3x!ring.fxp<32, 0>>, tensor<3x!ring.fxp<32, 0>>) -> tensor<3x!ring.fxp<32, 0>>
          return %0 : tensor<3x!ring.fxp<32, 0>>
        }}"""
    )
    function = ring.main(module)
    found = Intervals(function)
    block = function.body.block
    assert block.first_op is not None
    return [found.of(value) for value in (*block.args, block.first_op.results[0])]


@pytest.mark.parametrize("sign", ["", "u"])
@pytest.mark.parametrize("bits", [8, 16, 32, 64])
def test_dtypes(bits: int, sign: str) -> None:
    secret, public, total = intervals(f'"{sign}i{bits}", "{sign}i{bits}"')
    assert secret == public == signed_integers(bits)
    # In float64 the greatest 64-bit integer would be 2^63.
    assert (total.low, total.high) == (-(1 << bits), (1 << bits) - 2)
    assert secret.bits(0) == bits - 1
    assert total.bits(0) == bits


@pytest.mark.parametrize("dtypes", [None, '"index", "index"', '"i1", "i1"', '"", ""'])
def test_unknown_dtypes(dtypes: str | None) -> None:
    """A secret argument is checked against its range when it is shared; a public integer may be any."""
    secret, public, _ = intervals(dtypes)
    size = ARGUMENT_BOUND[32] - 1
    assert secret == Interval(-size, size)
    assert public == signed_integers(64)


def test_what_is_stated_of_an_argument_does_not_widen_its_dtype() -> None:
    """It is checked in bits: what passes is assumed, and no less."""
    bounds = "ditto.argument_bounds = array<f64: {}, 0.0>"
    assert intervals('"i8", "i8"', bounds.format(20.0))[0] == signed_integers(6)
    assert intervals('"i8", "i8"', bounds.format(2000.0))[0] == signed_integers(8)


@pytest.mark.parametrize("bits", [8, 64])
def test_one_more_than_the_greatest_is_beyond_a_dtype(bits: int) -> None:
    assert signed_integers(bits).within(signed_integers(bits))
    assert not signed_integers(bits).plus(Interval(0, 1)).within(signed_integers(bits))
