"""Finds the line of a function's code that makes a value of its program.

SPU's compiler keeps no locations, so that a program does not tell where its operations come from. Numbers do: what an
operation computes from some arguments, one of the function's equations computes from them too, and an equation knows
its line. Both are computed in float64. A value that no equation has, because a pass or a compiler computes something
else in its place, or that too many could have, stays without a line.
"""

from __future__ import annotations

import importlib.util
import sysconfig
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.extend import core

from ditto.dialects.dense import Array
from spu_ditto import nn
from spu_ditto.equations import CALLS, is_opaque, variables

# Numbers that differ by more than this part of the largest are not the same.
_CLOSE = 2.0**-10
# Numbers are the same if as many bits of them agree, of all that differ from one another: no coincidence then.
_BITS = 40
# Whose operands have to have their own dtypes, besides those that hold functions.
_IN_OWN_DTYPE = frozenset({"bitcast_convert_type", "nextafter", "reduce_precision"})

# The package's models are code that is looked for, the rest of it and of these is not.
_MODELS = f"{Path(nn.__file__).parent}/"
_SKIPPED = tuple(
    f"{folder}/"
    for package in ("ditto", "spu_ditto", "jax", "jaxlib", "flax")
    if (found := importlib.util.find_spec(package)) is not None
    for folder in found.submodule_search_locations or ()
)
_STANDARD = f"{sysconfig.get_path('stdlib')}/"


@dataclass(frozen=True)
class Line:
    """Where a value is computed.

    Attributes:
        file, number: of the innermost line that is the user's or a model's.
        equation: what JAX computes there, behind the names of the scopes around it: "encoder/dot_general".
    """

    file: str
    number: int
    equation: str

    def __str__(self) -> str:
        # Long paths say little more than their end.
        return f"{'/'.join(Path(self.file).parts[-2:])}:{self.number} ({self.equation})"


def lines_of(closed: core.ClosedJaxpr, leaves: Sequence[Any], values: Sequence[Array]) -> list[Line | None]:
    """For each of some values the line that makes it; None where that is not known.

    Args:
        closed: the function as JAX traced it.
        leaves: its arguments, arrays.
        values: float64 arrays, of any layout: an equation has the same numbers in any order.
    """
    # Numbers that are none are found nowhere.
    with np.errstate(all="ignore"):
        wanted = [_Wanted(np.sort(value, None)) for value in values]
        for equation, scopes, results in _walk(closed, [_wide(np.asarray(leaf)) for leaf in leaves]):
            for result in results:
                if isinstance(result, np.ndarray) and result.dtype == np.float64:
                    _look(wanted, result, equation, scopes)
    return [one.line for one in wanted]


@dataclass
class _Wanted:
    numbers: Array
    line: Line | None = None
    distance: float = _CLOSE
    largest: float = field(init=False)
    distinct: int = field(init=False)

    def __post_init__(self) -> None:
        self.largest = float(np.max(np.abs(self.numbers), initial=0.0))
        self.distinct = np.unique(np.round(self.numbers / (_CLOSE * self.largest))).size


def _look(wanted: Sequence[_Wanted], result: Array, equation: Any, scopes: Sequence[str]) -> None:
    """Notes an equation with those whose numbers it has, and has closer than any before it."""
    ends = float(np.min(result, initial=np.inf)), float(np.max(result, initial=-np.inf))
    numbers: Array | None = None
    for one in wanted:
        limit = one.distance * one.largest
        # One number throughout, such as 0 or 1, says nothing.
        if result.size != one.numbers.size or one.distinct < 2:
            continue
        if not (abs(ends[0] - one.numbers[0]) < limit and abs(ends[1] - one.numbers[-1]) < limit):
            continue
        numbers = np.sort(result, None) if numbers is None else numbers
        distance = float(np.max(np.abs(numbers - one.numbers))) / one.largest
        # Not even equal numbers are closer than float64 tells.
        if distance < one.distance and -np.log2(max(distance, 2.0**-50)) * one.distinct >= _BITS:
            one.distance, one.line = distance, _line(equation, scopes)


def _line(equation: Any, scopes: Sequence[str]) -> Line | None:
    traceback = equation.source_info.traceback
    entry, found = traceback and traceback.as_python_traceback(), None
    while entry is not None:
        if _is_looked_for(entry.tb_frame.f_code.co_filename):
            found = entry.tb_frame.f_code.co_filename, entry.tb_lineno
        entry = entry.tb_next
    return None if found is None else Line(*found, "/".join((*scopes, equation.primitive.name)))


def _is_looked_for(file: str) -> bool:
    """Whether a file is the user's or a model's."""
    if file.startswith(_STANDARD):
        return "-packages/" in file and not file.startswith(_SKIPPED)
    return file.startswith(_MODELS) or not file.startswith((*_SKIPPED, "<frozen"))


def _walk(
    closed: Any, arguments: Sequence[Any], scopes: tuple[str, ...] = ()
) -> Generator[tuple[Any, tuple[str, ...], list[Any]], None, list[Any]]:
    """The equations of a function and of those it calls, the scopes each is in, and its results.

    Returns:
        The results of the function.
    """
    jaxpr = closed.jaxpr
    values = dict(zip((*jaxpr.constvars, *jaxpr.invars), (*map(_wide, closed.consts), *arguments), strict=True))
    last = {v: n for n, equation in enumerate(jaxpr.eqns) for v in variables(equation.invars)}
    last.update(dict.fromkeys(variables(jaxpr.outvars), len(jaxpr.eqns)))

    def read(atom: Any) -> Any:
        return values[atom] if variables([atom]) else _wide(np.asarray(atom.val, atom.aval.dtype))

    for n, equation in enumerate(jaxpr.eqns):
        operands = [read(atom) for atom in equation.invars]
        inside = (*scopes, *filter(None, [str(equation.source_info.name_stack)]))
        if inner := CALLS.get(equation.primitive.name):
            called = equation.params[inner]
            called = called if isinstance(called, core.ClosedJaxpr) else core.ClosedJaxpr(called, ())
            results = yield from _walk(called, operands, inside)
        else:
            results = _computed(equation, operands)
            yield equation, inside, results
        values.update(zip(equation.outvars, results, strict=True))
        for variable in {*variables(equation.invars), *equation.outvars}:
            if last.get(variable, n) <= n:
                values.pop(variable, None)
    return [read(atom) for atom in jaxpr.outvars]


def _computed(equation: Any, operands: Sequence[Any]) -> list[Any]:
    """The results of an equation, in float64 if its operation takes that."""
    if _has_function(equation.params) or equation.primitive.name in _IN_OWN_DTYPE:
        operands = [
            x if is_opaque(atom.aval) else np.asarray(x).astype(atom.aval.dtype)
            for x, atom in zip(operands, equation.invars, strict=True)
        ]
        return _bound(equation.primitive, operands, equation.params)
    with _float64():
        wide = {name: _wide_dtype(value) for name, value in equation.params.items()}
        return _bound(equation.primitive, operands, wide)


def _bound(primitive: Any, operands: Sequence[Any], parameters: dict[str, Any]) -> list[Any]:
    functions, parameters = primitive.get_bind_params(parameters)
    made = primitive.bind(*functions, *operands, **parameters)
    return [_wide(result) for result in (made if primitive.multiple_results else [made])]


def _has_function(parameters: dict[str, Any]) -> bool:
    values = [v for value in parameters.values() for v in (value if isinstance(value, tuple | list) else [value])]
    return any(isinstance(value, core.Jaxpr | core.ClosedJaxpr) for value in values)


def _wide(value: Any) -> Any:
    """An array in float64 (complex128) if it is one of such numbers; not what is no array of numbers."""
    if is_opaque(value):
        return value
    array = np.asarray(value)
    return array.astype(_wide_dtype(array.dtype))


def _wide_dtype(value: Any) -> Any:
    if not isinstance(value, np.dtype):
        return value
    if jax.numpy.issubdtype(value, np.complexfloating):
        return np.dtype(np.complex128)
    return np.dtype(np.float64) if jax.numpy.issubdtype(value, np.floating) else value


def _float64() -> Any:
    """A context in which JAX computes in float64: its name since JAX 0.8, and before."""
    return jax.enable_x64(True) if hasattr(jax, "enable_x64") else jax.experimental.enable_x64()
