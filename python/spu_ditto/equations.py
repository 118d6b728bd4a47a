"""The equations of a function that JAX has traced: who may compute each, and pieces of them as functions again."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax.extend import core, source_info_util
from jax.interpreters import partial_eval

from ditto.dialects.dense import Array, is_splat
from spu_ditto.expansions import expanded, is_isclose

# Operations that stand for another function, by the parameter that holds it.
CALLS = {
    "jit": "jaxpr",
    "pjit": "jaxpr",  # JAX 0.4
    "closed_call": "call_jaxpr",
    "core_call": "call_jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
    "custom_vjp_call_jaxpr": "fun_jaxpr",  # JAX 0.4
    "remat2": "jaxpr",
    "checkpoint": "jaxpr",
}
# What makes large constants of small ones: written out where it is needed, not computed before.
_FILLS = frozenset({"broadcast_in_dim", "iota"})
_DRAWS = frozenset({"rng_uniform"})
CONSTANT, PUBLIC, SECRET = range(3)


@dataclass(frozen=True)
class Piece:
    """Some equations of a function, in order, and what they take from outside of them."""

    equations: list[Any]
    inputs: list[Any]

    def function(self, inputs: Sequence[Any], outputs: Sequence[Any]) -> Callable[..., list[Any]]:
        """These equations as a function from some values to others."""
        return lambda *arguments: _evaluated(self.equations, dict(zip(inputs, arguments, strict=True)), outputs)


class Graph:
    """The equations of a function without calls and dead code; of every value, who may compute it and from what."""

    def __init__(self, closed: core.ClosedJaxpr, secret: Sequence[bool]) -> None:
        flat = jax.make_jaxpr(functools.partial(_inlined, closed))(
            *(jax.ShapeDtypeStruct(value.shape, value.dtype) for value in closed.in_avals)
        )
        jaxpr, _ = partial_eval.dce_jaxpr(flat.jaxpr, [True] * len(flat.jaxpr.outvars), instantiate=True)
        self.arguments: list[Any] = list(jaxpr.invars)
        self.results: list[Any] = list(jaxpr.outvars)
        self.equations: list[Any] = list(jaxpr.eqns)
        self._constants = dict(zip(jaxpr.constvars, flat.consts, strict=True))
        self.levels: dict[Any, int] = dict.fromkeys(jaxpr.constvars, CONSTANT)
        self.origins: dict[Any, frozenset[int]] = dict.fromkeys(jaxpr.constvars, frozenset())
        self.captured: dict[Any, int] = {v: _numbers(a) for v, a in self._constants.items()}
        for n, (argument, hidden) in enumerate(zip(jaxpr.invars, secret, strict=True)):
            self.levels[argument] = SECRET if hidden else PUBLIC
            self.origins[argument] = frozenset({n})
        for n, equation in enumerate(self.equations):
            least = PUBLIC if equation.primitive.name in _DRAWS else CONSTANT
            level = SECRET if equation.effects else max([least, *map(self.level, equation.invars)])
            origins = frozenset[int]().union(*(self.origins[v] for v in variables(equation.invars)))
            self.levels.update(dict.fromkeys(equation.outvars, level))
            self.origins.update(dict.fromkeys(equation.outvars, origins))
            if level == SECRET:
                self.equations[n] = expanded(equation)
            captured = max((self.captured.get(v, 0) for v in variables(equation.invars)), default=0)
            self.captured.update(dict.fromkeys(equation.outvars, captured))

    def level(self, atom: Any) -> int:
        return CONSTANT if isinstance(atom, core.Literal) else self.levels[atom]

    def piece(self, level: int, outputs: Sequence[Any]) -> Piece:
        """The equations of a level that some values need, with what fills constants for them."""
        needed = set(variables(outputs))
        chosen = []
        for equation in reversed(self.equations):
            own = self._level_of(equation) == level
            fills = self._level_of(equation) == CONSTANT and is_fill(equation)
            if (own and equation.effects) or ((own or fills) and not needed.isdisjoint(equation.outvars)):
                chosen.append(equation)
                needed.update(variables(equation.invars))
        chosen.reverse()
        made = {value for equation in chosen for value in equation.outvars}
        used = [value for equation in chosen for value in variables(equation.invars)]
        return Piece(chosen, [v for v in dict.fromkeys([*used, *variables(outputs)]) if v not in made])

    def _level_of(self, equation: Any) -> int:
        return self.levels[equation.outvars[0]] if equation.outvars else SECRET

    def evaluated(self, values: Sequence[Any]) -> dict[Any, Array]:
        """The arrays of constants."""
        known = {value: np.asarray(array) for value, array in self._constants.items() if value in values}
        wanted = [value for value in dict.fromkeys(values) if value not in known]
        if wanted:
            piece = self.piece(CONSTANT, wanted)
            computed = jax.jit(piece.function(piece.inputs, wanted))(*(self._constants[v] for v in piece.inputs))
            known.update((value, np.asarray(array)) for value, array in zip(wanted, computed, strict=True))
        return known


def is_opaque(value: Any) -> bool:
    """Whether a value is no array of numbers, but a random key."""
    return bool(jax.numpy.issubdtype(value.dtype, jax.dtypes.extended))


def _numbers(array: Any) -> int:
    """How many an array holds, if it is not one number throughout."""
    return 0 if is_opaque(array) or is_splat(np.asarray(array)) else int(array.size)


def variables(atoms: Iterable[Any]) -> list[Any]:
    return [atom for atom in atoms if not isinstance(atom, core.Literal)]


def is_fill(equation: Any) -> bool:
    """Whether what an equation makes is better made again than kept: large for its operands, or no array."""
    return equation.primitive.name in _FILLS or any(is_opaque(value.aval) for value in equation.outvars)


def _inlined(closed: core.ClosedJaxpr, *arguments: Any) -> list[Any]:
    """Evaluates a function, and what it calls in its place."""
    jaxpr = closed.jaxpr
    values = dict(zip((*jaxpr.constvars, *jaxpr.invars), (*closed.consts, *arguments), strict=True))
    return _evaluated(jaxpr.eqns, values, jaxpr.outvars)


def _evaluated(equations: Iterable[Any], values: dict[Any, Any], results: Iterable[Any]) -> list[Any]:
    """The values of results by some equations; to the values that are known those of the equations are added."""

    def read(atom: Any) -> Any:
        return atom.val if isinstance(atom, core.Literal) else values[atom]

    for equation in equations:
        operands = [read(atom) for atom in equation.invars]
        names = source_info_util.current_name_stack() + equation.source_info.name_stack
        with source_info_util.user_context(equation.source_info.traceback, name_stack=names):
            if inner := CALLS.get(equation.primitive.name):
                called = equation.params[inner]
                made = _inlined(
                    called if isinstance(called, core.ClosedJaxpr) else core.ClosedJaxpr(called, ()), *operands
                )
                if is_isclose(equation):
                    # Rounding may make the tolerance of small numbers negative.
                    made = [jax.numpy.logical_or(made[0], jax.numpy.equal(*operands[:2]))]
            else:
                functions, parameters = equation.primitive.get_bind_params(equation.params)
                made = equation.primitive.bind(*functions, *operands, **parameters)
                made = made if equation.primitive.multiple_results else [made]
        values.update(zip(equation.outvars, made, strict=True))
    return [read(atom) for atom in results]
