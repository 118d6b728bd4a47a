"""Divides a traced function by who computes it: what depends on constants alone is computed now, what depends on
public arguments besides by the caller at every call, both by JAX itself; the parties get the rest.

    def fn(key, x):                                   # key public, x secret
        return x * jax.random.normal(key, x.shape), jnp.log(2.0)
becomes
    def caller(key): return jax.random.normal(key, (4,)), 0.6931472
    def main(x, noise): return x * noise              # goes to SPU's compiler

So whatever JAX can compute may be done to public values, and SPU's compiler sees it as little as the parties do. Calls
are inlined and dead code is dropped before. Control flow that secrets take part in stays whole, with what is public in
it: `ditto.passes` divides that.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax import lax
from jax.extend import backend, core, source_info_util
from jax.interpreters import partial_eval
from jaxlib import xla_client

from ditto.dialects.dense import Array, is_splat
from ditto.parties.program import PublicPart, Source
from spu_ditto.expansions import expanded

# Operations that stand for another function, by the parameter that holds it.
_CALLS = {
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
_CONSTANT, _PUBLIC, _SECRET = range(3)
# Constants of more elements do not travel to SPU's compiler as text, but past it: 1 MB of text takes it 2 s.
_LARGE = 16


def results_of(part: PublicPart, leaves: Sequence[Any]) -> list[Array]:
    """What JAX computes from the arguments of the function; only public ones are looked at."""
    if part.code is None:
        return []
    program = _compiled(part.code)
    arrays = [np.ascontiguousarray(leaves[index]) for index in part.public]
    buffers = [_cpu().buffer_from_pyval(array.reshape(np.shape(leaves[n]))) for n, array in zip(part.public, arrays)]
    return [np.asarray(result) for result in program.execute(buffers)]


@functools.lru_cache(maxsize=64)
def _compiled(code: str) -> Any:
    options = xla_client.CompileOptions()
    if hasattr(_cpu(), "compile_and_load"):
        return _cpu().compile_and_load(code, _cpu().devices()[:1], options)
    return _cpu().compile(code, options)  # JAX 0.4


def _cpu() -> Any:
    return backend.get_backend("cpu")


def passed_on(arguments: int, outputs: int) -> PublicPart:
    """The part of a caller that hands all arguments on and has nothing to compute."""
    return PublicPart(
        main=tuple(("argument", n) for n in range(arguments)), outputs=tuple(("program", n) for n in range(outputs))
    )


@dataclass(frozen=True)
class Division:
    """A function in two parts.

    Attributes:
        part: the caller's.
        main: the parties', a function of arrays.
        arguments: those of `main`: one for each of `part.main`, then one for each of `constants`.
        origins: for each of `part.main` the function's arguments (positions) that it is computed from.
        constants: the last arguments of `main`.
        captured: how many numbers the largest array holds that the function had from elsewhere, and that is needed.
    """

    part: PublicPart
    main: Callable[..., list[Any]]
    arguments: tuple[jax.ShapeDtypeStruct, ...]
    origins: tuple[tuple[int, ...], ...]
    constants: tuple[Array, ...]
    captured: int


def divide(closed: core.ClosedJaxpr, secret: Sequence[bool]) -> Division:
    """Divides a function, some of whose arguments are secret."""
    graph = _Graph(closed, secret)
    secrets = [value for value, hidden in zip(graph.arguments, secret, strict=True) if hidden]
    hidden_results = [atom for atom in graph.results if graph.level(atom) == _SECRET]
    open_results = [atom for atom in graph.results if graph.level(atom) != _SECRET]
    main = graph.piece(_SECRET, hidden_results)
    crossing = [value for value in main.inputs if graph.level(value) == _PUBLIC]
    caller = graph.piece(_PUBLIC, [*crossing, *open_results])
    fixed = [value for value in main.inputs if graph.level(value) == _CONSTANT]
    known = graph.evaluated([*fixed, *(value for value in caller.inputs if graph.level(value) == _CONSTANT)])

    part, sources, results = _callers_part(graph, caller, crossing, open_results, known)
    positions = {value: n for n, value in enumerate(graph.arguments)}
    programs, opened = iter(range(len(hidden_results))), iter(results)
    outputs: list[Source] = [
        ("program", next(programs)) if graph.level(atom) == _SECRET else next(opened) for atom in graph.results
    ]
    part = dataclasses.replace(
        part, main=(*(("argument", positions[value]) for value in secrets), *sources), outputs=tuple(outputs)
    )
    large = [value for value in fixed if known[value].size > _LARGE and not is_splat(known[value])]
    inner = main.function([*secrets, *crossing, *fixed], hidden_results)

    def run(*arguments: Any) -> list[Any]:
        given = iter(arguments)
        values = [next(given) for _ in secrets]
        values += [lax.complex(next(given), next(given)) if _is_complex(value) else next(given) for value in crossing]
        passed = dict(zip(large, given, strict=True))
        return inner(*values, *(passed[value] if value in passed else _compact(known[value]) for value in fixed))

    taken = [(shape, value) for value in (*secrets, *crossing) for shape in _parts(value)]
    return Division(
        part=part,
        main=run,
        arguments=(*(shape for shape, _ in taken), *(jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype) for v in large)),
        origins=tuple(tuple(sorted(graph.origins[value])) for _, value in taken),
        constants=tuple(known[value] for value in large),
        captured=max((graph.captured[value] for value in known), default=0),
    )


def _callers_part(
    graph: _Graph, caller: _Piece, crossing: Sequence[Any], results: Sequence[Any], known: dict[Any, Array]
) -> tuple[PublicPart, list[Source], list[Source]]:
    """What the caller computes, and where in it the values that cross over and the results are."""
    computed: list[Any] = []

    def source(atom: Any, *, split: bool) -> list[Source]:
        if not isinstance(atom, core.Literal) and atom in graph.arguments and not (split and _is_complex(atom)):
            return [("argument", graph.arguments.index(atom))]
        count = 2 if split and _is_complex(atom) else 1
        first = sum(2 if halves else 1 for _, halves in computed)
        computed.append((atom, count == 2))
        return [("computed", first + n) for n in range(count)]

    sources = [found for value in crossing for found in source(value, split=True)]
    opened = [source(atom, split=False)[0] for atom in results]
    if not computed:
        return PublicPart((), ()), sources, opened
    public = [n for n, value in enumerate(graph.arguments) if graph.levels[value] == _PUBLIC]
    inputs = [graph.arguments[n] for n in public]
    constants = [value for value in caller.inputs if graph.level(value) == _CONSTANT]
    inner = caller.function([*inputs, *constants], [atom for atom, _ in computed])

    def run(*arguments: Any) -> list[Any]:
        values = inner(*arguments, *(known[value] for value in constants))
        halves = [(lax.real(x), lax.imag(x)) if both else (x,) for x, (_, both) in zip(values, computed, strict=True)]
        return [half for pair in halves for half in pair]

    shapes = [jax.ShapeDtypeStruct(value.aval.shape, value.aval.dtype) for value in inputs]
    lowered = jax.jit(run, keep_unused=True).trace(*shapes).lower(lowering_platforms=("cpu",))
    code = lowered.compiler_ir("stablehlo").operation.get_asm()
    return PublicPart((), (), code, tuple(public)), sources, opened


def _is_complex(atom: Any) -> bool:
    return bool(np.issubdtype(atom.aval.dtype, np.complexfloating))


def _parts(value: Any) -> list[jax.ShapeDtypeStruct]:
    """A value as the arrays that cross over: a complex one as its two parts."""
    shape, dtype = value.aval.shape, value.aval.dtype
    if not _is_complex(value):
        return [jax.ShapeDtypeStruct(shape, dtype)]
    return [jax.ShapeDtypeStruct(shape, np.empty(0, dtype).real.dtype)] * 2


def _compact(array: Array) -> Array:
    """A constant as JAX writes it shortest."""
    return np.broadcast_to(array.reshape(-1)[:1].reshape(()), array.shape) if is_splat(array) else array


# ------------------------------------------------------------------------------------------------ equations


@dataclass(frozen=True)
class _Piece:
    """Some equations of a function, in order, and what they take from outside of them."""

    equations: list[Any]
    inputs: list[Any]

    def function(self, inputs: Sequence[Any], outputs: Sequence[Any]) -> Callable[..., list[Any]]:
        """These equations as a function from some values to others."""
        return lambda *arguments: _evaluated(self.equations, dict(zip(inputs, arguments, strict=True)), outputs)


class _Graph:
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
        self.levels: dict[Any, int] = dict.fromkeys(jaxpr.constvars, _CONSTANT)
        self.origins: dict[Any, frozenset[int]] = dict.fromkeys(jaxpr.constvars, frozenset())
        self.captured: dict[Any, int] = {v: _numbers(a) for v, a in self._constants.items()}
        for n, (argument, hidden) in enumerate(zip(jaxpr.invars, secret, strict=True)):
            self.levels[argument] = _SECRET if hidden else _PUBLIC
            self.origins[argument] = frozenset({n})
        for n, equation in enumerate(self.equations):
            least = _PUBLIC if equation.primitive.name in _DRAWS else _CONSTANT
            level = _SECRET if equation.effects else max([least, *map(self.level, equation.invars)])
            origins = frozenset[int]().union(*(self.origins[v] for v in _variables(equation.invars)))
            self.levels.update(dict.fromkeys(equation.outvars, level))
            self.origins.update(dict.fromkeys(equation.outvars, origins))
            if level == _SECRET:
                self.equations[n] = self._for_parties(equation)
            captured = max((self.captured.get(v, 0) for v in _variables(equation.invars)), default=0)
            self.captured.update(dict.fromkeys(equation.outvars, captured))

    def _for_parties(self, equation: Any) -> Any:
        """An equation as SPU's compiler takes it."""
        if _is_switch(equation) and self.level(equation.invars[0]) == _PUBLIC:
            equation = _in_pairs(equation)
        return expanded(equation)

    def level(self, atom: Any) -> int:
        return _CONSTANT if isinstance(atom, core.Literal) else self.levels[atom]

    def piece(self, level: int, outputs: Sequence[Any]) -> _Piece:
        """The equations of a level that some values need, with what fills constants for them."""
        needed = set(_variables(outputs))
        chosen = []
        for equation in reversed(self.equations):
            own = self._level_of(equation) == level
            fills = self._level_of(equation) == _CONSTANT and _is_fill(equation)
            if (own and equation.effects) or ((own or fills) and not needed.isdisjoint(equation.outvars)):
                chosen.append(equation)
                needed.update(_variables(equation.invars))
        chosen.reverse()
        made = {value for equation in chosen for value in equation.outvars}
        used = [value for equation in chosen for value in _variables(equation.invars)]
        return _Piece(chosen, [v for v in dict.fromkeys([*used, *_variables(outputs)]) if v not in made])

    def _level_of(self, equation: Any) -> int:
        return self.levels[equation.outvars[0]] if equation.outvars else _SECRET

    def evaluated(self, values: Sequence[Any]) -> dict[Any, Array]:
        """The arrays of constants."""
        known = {value: np.asarray(array) for value, array in self._constants.items() if value in values}
        wanted = [value for value in dict.fromkeys(values) if value not in known]
        if wanted:
            piece = self.piece(_CONSTANT, wanted)
            computed = jax.jit(piece.function(piece.inputs, wanted))(*(self._constants[v] for v in piece.inputs))
            known.update((value, np.asarray(array)) for value, array in zip(wanted, computed, strict=True))
        return known


def _is_opaque(value: Any) -> bool:
    """Whether a value is no array of numbers, but a random key."""
    return bool(jax.numpy.issubdtype(value.dtype, jax.dtypes.extended))


def _is_switch(equation: Any) -> bool:
    return equation.primitive.name == "cond" and len(equation.params["branches"]) > 2


def _in_pairs(equation: Any) -> Any:
    """A switch as conditionals one within the other: on one of three or more branches SPU's compiler dies."""
    branches = [core.jaxpr_as_fun(branch) for branch in equation.params["branches"]]

    def choose(first: int, index: Any, *operands: Any) -> Any:
        if first == len(branches) - 1:
            return branches[first](*operands)
        return lax.cond(
            index == first, lambda _, *o: branches[first](*o), functools.partial(choose, first + 1), index, *operands
        )

    avals = [jax.ShapeDtypeStruct(atom.aval.shape, atom.aval.dtype) for atom in equation.invars]
    made = jax.make_jaxpr(functools.partial(choose, 0))(*avals)
    return equation.replace(primitive=core.primitives.closed_call_p, params={"call_jaxpr": made})


def _numbers(array: Any) -> int:
    """How many an array holds, if it is not one number throughout."""
    return 0 if _is_opaque(array) or is_splat(np.asarray(array)) else int(array.size)


def _variables(atoms: Iterable[Any]) -> list[Any]:
    return [atom for atom in atoms if not isinstance(atom, core.Literal)]


def _is_fill(equation: Any) -> bool:
    """Whether what an equation makes is better made again than kept: large for its operands, or no array."""
    return equation.primitive.name in _FILLS or any(_is_opaque(value.aval) for value in equation.outvars)


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
            if inner := _CALLS.get(equation.primitive.name):
                called = equation.params[inner]
                made = _inlined(
                    called if isinstance(called, core.ClosedJaxpr) else core.ClosedJaxpr(called, ()), *operands
                )
            else:
                functions, parameters = equation.primitive.get_bind_params(equation.params)
                made = equation.primitive.bind(*functions, *operands, **parameters)
                made = made if equation.primitive.multiple_results else [made]
        values.update(zip(equation.outvars, made, strict=True))
    return [read(atom) for atom in results]
