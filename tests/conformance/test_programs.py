"""Hundreds of small programs on ordinary inputs and up to the limits of their dtypes: right, or refused."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import spu_ditto
from tests.conformance.enclosure import enclose
from tests.conformance.outcome import run_of
from tests.conformance.programs import LEVELS, PROGRAMS, Program


def test_there_are_hundreds_of_programs() -> None:
    assert len(PROGRAMS) >= 200
    assert len({program.name for program in PROGRAMS}) == len(PROGRAMS)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_ordinary_inputs_have_narrow_enclosures(program: Program) -> None:
    """What the other tests allow is not just anything, and the program in float32 is allowed."""
    inputs = program.numbers("ordinary")
    enclosures = enclose(program.function, *inputs)
    for enclosed, plain in zip(enclosures, jax.tree_util.tree_leaves(program.function(*inputs)), strict=True):
        assert enclosed.informative() >= 0.5
        assert enclosed.holds(np.asarray(plain)).all(), (plain, enclosed)


@pytest.mark.parametrize("policy", ["ditto", "fm64"])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_program(program: Program, policy: str) -> None:
    secure = spu_ditto.compile(program.function, ring_policy=policy)
    failures = []
    for level in LEVELS:
        inputs = program.numbers(level)
        enclosures = enclose(program.function, *inputs)
        try:
            outcome = run_of(lambda: secure(*inputs))  # noqa: B023
        except spu_ditto.RuntimeFailure as error:
            failures.append(f"{level}: {error}")
            continue
        if outcome.results is None:
            if level == "ordinary":
                failures.append(f"{level}: refused: {outcome.refusal}")
            continue
        for index, (result, enclosed) in enumerate(zip(outcome.results, enclosures, strict=True)):
            allowed = enclosed.widened(program.slack) if program.slack else enclosed
            off = ~allowed.holds(result)
            if off.any():
                at = tuple(int(i) for i in np.argwhere(off)[0])
                failures.append(
                    f"{level}: result {index} is wrong: {result[at]!r} at {list(at)}, exactly {enclosed.exact[at]:.8g},"
                    f" between {allowed.low[at]:.8g} and {allowed.high[at]:.8g} ({off.sum()} of {off.size})"
                )
    assert not failures, "\n".join(failures)
