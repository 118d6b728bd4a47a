"""Functions of `jax.numpy`, `jax.nn` and `jax.lax` on secrets of every dtype, and programs as people write them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
import pytest

import spu_ditto
from tests.conformance.jnp_operations import FUNCTIONS, Function
from tests.conformance.outcome import run_of
from tests.conformance.whole_programs import PROGRAMS

# Functions of one dtype run in one program: what it takes to compile and to start is paid once.
TOGETHER = 8
CASES = [(function, dtype) for function in FUNCTIONS for dtype in function.dtypes if dtype not in function.refused]
REFUSED = [(f, dtype) for f in (*FUNCTIONS, *PROGRAMS) for dtype in f.refused]


def groups() -> list[list[tuple[Function, str]]]:
    by_dtype: dict[str, list[tuple[Function, str]]] = {}
    for function, dtype in CASES:
        by_dtype.setdefault(dtype, []).append((function, dtype))
    return [cases[n : n + TOGETHER] for cases in by_dtype.values() for n in range(0, len(cases), TOGETHER)]


def names(cases: Any) -> str:
    return f"{cases[0][1]}-{cases[0][0].name}" if isinstance(cases, list) else f"{cases[0].name}-{cases[1]}"


def check(function: Function, inputs: Sequence[Any], results: Any) -> None:
    arrays = [np.asarray(leaf) for leaf in jax.tree_util.tree_leaves(results)]
    expected = function.expected(list(inputs))
    run_of(lambda: arrays).check(expected, function.allowed(expected, arrays))


@pytest.mark.parametrize("cases", groups(), ids=names)
def test_functions(cases: list[tuple[Function, str]]) -> None:
    inputs = [function.inputs(dtype) for function, dtype in cases]
    secure = spu_ditto.compile(lambda all: [case[0].function(*some) for case, some in zip(cases, all)])
    failures = []
    for (function, dtype), some, results in zip(cases, inputs, secure(inputs), strict=True):
        try:
            check(function, some, results)
        except AssertionError as error:
            failures.append(f"{function.name} of {dtype}: {error}")
    assert not failures, "\n".join(failures)


@pytest.mark.parametrize(
    "case", [(p, dtype) for p in PROGRAMS for dtype in p.dtypes if dtype not in p.refused], ids=names
)
def test_programs(case: tuple[Function, str]) -> None:
    program, dtype = case
    inputs = program.inputs(dtype)
    check(program, inputs, spu_ditto.compile(program.function)(*inputs))


@pytest.mark.parametrize("case", REFUSED, ids=names)
def test_what_is_refused_says_why(case: tuple[Function, str]) -> None:
    function, dtype = case
    with pytest.raises((spu_ditto.UnsupportedError, spu_ditto.CompileError, spu_ditto.RangeError)) as refusal:
        spu_ditto.compile(function.function)(*function.inputs(dtype))
    assert len(str(refusal.value)) > 20
