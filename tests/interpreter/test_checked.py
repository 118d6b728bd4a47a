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
from tests.conformance.ring_cases import LIMITS, UNLIMITED, fxp


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


@pytest.mark.parametrize("op", LIMITS)
def test_an_operation_takes_and_gives_what_it_may_and_no_more(op: str) -> None:
    types, result, attributes, legal, illegal, named = LIMITS[op]
    run(op, types, result, legal, **attributes)
    if illegal:
        with pytest.raises(RangeError) as error:
            run(op, types, result, illegal, **attributes)
        assert str(error.value).startswith(f"ring.{op} in layer here: {named}"), error.value
        assert " is assumed; " in str(error.value)


def test_every_operation_has_a_case() -> None:
    names = {ring.short_name(op) for op in ring.OPERATIONS}
    assert names == {*LIMITS, *UNLIMITED} and not LIMITS.keys() & UNLIMITED
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
