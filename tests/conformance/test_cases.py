"""Every PPHLO operation down every road: the plain interpreter; PPHLO to the engine; JAX through SPU to the engine.

A number is right within its stated error, or it is refused: by a RangeError or CompileError, before there is a number.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
import pytest

import spu_ditto
from ditto.dialects import pphlo
from ditto.interpreter import evaluate
from ditto.passes.pphlo.bind_constants import bind_constants
from ditto.passes.ring.assign_rings import _CALLS, _RULES
from spu_ditto.spu_compiler import compile_stablehlo
from tests.conformance.cases import Case
from tests.conformance.control_cases import CONTROL
from tests.conformance.number_cases import CASES as SINGLE
from tests.conformance.outcome import REFUSALS, run_of
from tests.conformance.structure_cases import STRUCTURE

CASES = [*SINGLE, *STRUCTURE, *CONTROL]
POLICIES = ("ditto", "fm64")
IDS = [case.name for case in CASES]
FROM_JAX = [case for case in CASES if case.jax is not None]


def visibility(case: Case) -> tuple[str, ...]:
    return tuple("secret" if operand.secret else "public" for operand in case.operands)


def pphlo_text(case: Case) -> str:
    if case.text is not None:
        return case.module()
    from spu_ditto.frontend import trace

    arrays = next(case.draws()).arrays
    assert case.jax is not None
    # As if all were secret: what is public would be left to the caller.
    exported = trace(case.jax, arrays)
    constants = dict(enumerate(exported.constants, len(arrays)))
    module = pphlo.parse_module(
        compile_stablehlo(exported.stablehlo, (*visibility(case), *["public"] * len(constants)))
    )
    bind_constants(module, constants)
    return pphlo.to_text(module)


def check_draws(case: Case, run: Callable[..., Any]) -> None:
    """Runs all draws of a case; fails with a line for each that is wrong."""
    failures = []
    for draw in case.draws():
        expected = case.expected(draw.arrays)
        judged = None if case.judged is None else [case.judged(*draw.arrays)]
        try:
            run_of(lambda: run(*draw.arrays)).check(  # noqa: B023
                [expected],
                [case.allowed(expected, draw.arrays)],
                refusable=case.refusable or not draw.ordinary,
                judged=judged,
            )
        except (AssertionError, spu_ditto.RuntimeFailure) as error:
            failures.append(f"{draw.level}: {error}")
    assert not failures, "\n".join(failures)


def compiled(make: Callable[[], Callable[..., Any]]) -> Callable[..., Any]:
    """The program, or what raises its refusal at every call."""
    try:
        return make()
    except REFUSALS as error:
        refusal = error

    def refuse(*arrays: Any) -> Any:
        raise refusal

    return refuse


def test_names_are_distinct() -> None:
    assert len(set(IDS)) == len(IDS)


def test_every_operation_with_a_rule_has_a_case() -> None:
    rules = {*_RULES, *(f"@{target}" for target in _CALLS), "pphlo.convert"}
    assert rules - {case.op for case in CASES} == set()


def test_every_operation_of_the_dialect_has_a_case() -> None:
    # Calls have cases of their own, by the functions they call.
    operations = {op.name for op in pphlo.PPHLO.operations} - {"pphlo.custom_call"}
    assert operations - {case.op for case in CASES} == set()


@pytest.mark.parametrize("case", [case for case in CASES if case.text is not None], ids=lambda case: case.name)
def test_the_text_has_the_operation(case: Case) -> None:
    assert f"{case.op}" in case.module()


# Random numbers have no exact value.
@pytest.mark.parametrize("case", [case for case in CASES if case.op != "pphlo.rng"], ids=lambda case: case.name)
def test_interpreter(case: Case) -> None:
    module = pphlo.parse_module(pphlo_text(case))

    def run(*arrays: Any) -> Sequence[Any]:
        return evaluate(module, list(arrays), exact=True)

    failures = []
    for draw in case.draws():
        expected = case.expected(draw.arrays)
        [result] = run(*draw.arrays)
        if not np.allclose(
            np.asarray(result, np.float64), expected.astype(np.float64), rtol=1e-12, atol=0, equal_nan=True
        ):
            failures.append(f"{draw.level}: {result} instead of {expected}")
    assert not failures, "\n".join(failures)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_pphlo(case: Case, policy: str) -> None:
    # JAX takes 64-bit integers for 32-bit ones otherwise.
    wide = any("i64" in element for element in (case.element, *(operand.element for operand in case.operands)))
    with jax.experimental.enable_x64() if wide else contextlib.nullcontext():
        check_draws(case, compiled(lambda: spu_ditto.from_pphlo(pphlo_text(case), policy)))


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("case", FROM_JAX, ids=lambda case: case.name)
def test_jax(case: Case, policy: str) -> None:
    assert case.jax is not None
    check_draws(case, spu_ditto.compile(case.jax, ring_policy=policy, input_visibility=visibility(case)))


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("case", FROM_JAX, ids=lambda case: case.name)
def test_calibrated(case: Case, policy: str) -> None:
    assert case.jax is not None
    samples = [draw.arrays for draw in case.draws() if draw.ordinary]
    secure = spu_ditto.compile(case.jax, ring_policy=policy, input_visibility=visibility(case), calibration=samples)
    check_draws(case, secure)
