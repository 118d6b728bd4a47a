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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax import lax
from jax.extend import backend, core
from jaxlib import xla_client

from ditto.dialects.dense import Array, is_splat
from ditto.parties.program import PublicPart, Source
from spu_ditto.equations import CONSTANT, PUBLIC, SECRET, Graph, Piece

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
    graph = Graph(closed, secret)
    secrets = [value for value, hidden in zip(graph.arguments, secret, strict=True) if hidden]
    hidden_results = [atom for atom in graph.results if graph.level(atom) == SECRET]
    open_results = [atom for atom in graph.results if graph.level(atom) != SECRET]
    main = graph.piece(SECRET, hidden_results)
    crossing = [value for value in main.inputs if graph.level(value) == PUBLIC]
    caller = graph.piece(PUBLIC, [*crossing, *open_results])
    fixed = [value for value in main.inputs if graph.level(value) == CONSTANT]
    known = graph.evaluated([*fixed, *(value for value in caller.inputs if graph.level(value) == CONSTANT)])

    part, sources, results = _callers_part(graph, caller, crossing, open_results, known)
    positions = {value: n for n, value in enumerate(graph.arguments)}
    programs, opened = iter(range(len(hidden_results))), iter(results)
    outputs: list[Source] = [
        ("program", next(programs)) if graph.level(atom) == SECRET else next(opened) for atom in graph.results
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
    graph: Graph, caller: Piece, crossing: Sequence[Any], results: Sequence[Any], known: dict[Any, Array]
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
    public = [n for n, value in enumerate(graph.arguments) if graph.levels[value] == PUBLIC]
    inputs = [graph.arguments[n] for n in public]
    constants = [value for value in caller.inputs if graph.level(value) == CONSTANT]
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
