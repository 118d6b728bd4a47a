"""Divides a function with long loops over secrets into what is before, in and behind them.

    def fn(x, w):
        y = f(x)
        w = lax.fori_loop(0, 1000, lambda i, w: g(i, w, y), w)
        return h(w)
becomes
    Straight(f: x -> y), Repeated(g: i, w, y -> i + 1, w; 1000 times), Straight(h: w -> result)

A loop unrolled is a program as long as all of its rounds: it shares messages among them, and is compiled for a long
time. So short loops stay in the pieces, and long ones are taken out, several rounds at a time. What a loop carries is
public as long as no secret goes into it, a counter for example.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax import lax
from jax.extend import core

from ditto.dialects.dense import Array
from spu_ditto.equations import CALLS, CONSTANT, SECRET, Graph, Piece, is_fill, is_opaque, variables

# Loops of more equations, unrolled, are taken out; and about so many are unrolled into one program. Some 2 s.
_LONG = 1500
# How often a loop inside of another goes round, for that count, if it is not known.
_UNKNOWN_TRIPS = 16
# More is a mistake rather than an intention.
MOST_TRIPS = 1 << 24


@dataclass(frozen=True)
class Straight:
    """Equations that are computed once.

    Attributes:
        fn: of the values `inputs`, gives those in `outputs`.
        inputs, secret: values of the function, and which of them are secret.
    """

    fn: Callable[..., list[Any]]
    inputs: tuple[Any, ...]
    secret: tuple[bool, ...]
    outputs: tuple[Any, ...]


@dataclass(frozen=True)
class Repeated:
    """A loop.

    Attributes:
        fn: some rounds; takes the values `inputs`, then what is carried, and gives what is carried.
        inputs: values of the function.
        secret: of the inputs and then of what is carried.
        initial: what is carried into the first round: values of the function, or arrays.
        trips: how often `fn` is to be called.
        outputs: values of the function that are what is carried out of the last round, by their position in it.
    """

    fn: Callable[..., list[Any]]
    inputs: tuple[Any, ...]
    secret: tuple[bool, ...]
    initial: tuple[Any, ...]
    trips: int
    outputs: dict[Any, int]


@dataclass(eq=False)
class Between:
    """A value that is carried from one part of a loop to another."""

    aval: Any


@dataclass(frozen=True)
class Divided:
    """A function with its long loops taken out.

    Attributes:
        arguments: the values that are its arguments.
        steps: in their order.
        results: its results: values, or arrays that are known.
    """

    arguments: tuple[Any, ...]
    steps: tuple[Straight | Repeated, ...]
    results: tuple[Any, ...]


def divide_loops(closed: core.ClosedJaxpr, secret: Sequence[bool]) -> Divided | None:
    """The function in steps, or None if it has no long loop over secrets, or one that cannot be taken out."""
    # Most functions have none, and are divided elsewhere.
    if not _has_long_loop(closed):
        return None
    graph = Graph(closed, secret)
    loops = [equation for equation in graph.equations if _is_long(equation, graph)]
    if not loops or any(equation.effects for equation in graph.equations):
        return None
    return _Division(graph, secret).divided(loops)


def _has_long_loop(jaxpr: Any) -> bool:
    """Whether a function has a long loop, itself or in what it calls."""
    for equation in getattr(jaxpr, "jaxpr", jaxpr).eqns:
        called = equation.params.get(CALLS.get(equation.primitive.name))
        if _loops_long(equation) if called is None else _has_long_loop(called):
            return True
    return False


def _loops_long(equation: Any) -> bool:
    return equation.primitive.name in ("scan", "while") and _work(equation) > _LONG


def _is_long(equation: Any, graph: Graph) -> bool:
    return graph.level(equation.outvars[0]) == SECRET and _loops_long(equation)


def _work(equation: Any) -> int:
    """The number of equations that are left of one when its loops are unrolled and its calls inlined."""
    name, parameters = equation.primitive.name, equation.params
    if name == "scan":
        return int(parameters["length"]) * _work_of(parameters["jaxpr"])
    if name == "while":
        known = _known_trips(equation)
        return (_UNKNOWN_TRIPS if known is None else known) * _work_of(parameters["body_jaxpr"])
    if name == "cond":
        return sum(map(_work_of, parameters["branches"]))
    if name in CALLS:
        return _work_of(parameters[CALLS[name]])
    return 1


def _work_of(jaxpr: Any) -> int:
    return sum(map(_work, getattr(jaxpr, "jaxpr", jaxpr).eqns))


def _known_trips(equation: Any) -> int | None:
    """The trips of a `while` that only counts up to a number written in it."""
    operands = equation.invars
    if all(isinstance(atom, core.Literal) for atom in _of_condition(equation)):
        return _trips(equation, [np.asarray(a.val) if isinstance(a, core.Literal) else None for a in operands])
    return None


def _of_condition(equation: Any) -> list[Any]:
    """The operands of a `while` that its condition reads."""
    jaxpr, consts = equation.params["cond_jaxpr"].jaxpr, equation.params["cond_nconsts"]
    needed = set(variables([*jaxpr.outvars, *(atom for inner in jaxpr.eqns for atom in inner.invars)]))
    skipped = equation.params["body_nconsts"]
    operands = [*equation.invars[:consts], *equation.invars[consts + skipped :]]
    return [atom for atom, variable in zip(operands, jaxpr.invars, strict=True) if variable in needed]


def _trips(equation: Any, operands: Sequence[Array | None]) -> int | None:
    """How often a `while` goes round, None if it does not end; what is not known of its operands does not decide."""
    parameters = equation.params
    n, m = parameters["cond_nconsts"], parameters["cond_nconsts"] + parameters["body_nconsts"]
    shapes = map(described, equation.invars)
    values = [np.zeros(s.shape, s.dtype) if a is None else a.astype(s.dtype) for a, s in zip(operands, shapes)]
    more, body = (core.jaxpr_as_fun(parameters[name]) for name in ("cond_jaxpr", "body_jaxpr"))

    def round_(state: tuple[Any, list[Any]]) -> tuple[Any, list[Any]]:
        return state[0] + 1, body(*values[n:m], *state[1])

    def goes_on(state: tuple[Any, list[Any]]) -> Any:
        return more(*values[:n], *state[1])[0] & (state[0] <= MOST_TRIPS)

    # What does not decide is dropped by XLA.
    count = int(jax.jit(lambda: lax.while_loop(goes_on, round_, (np.int32(0), values[m:]))[0])())
    return count if count <= MOST_TRIPS else None


class _Division:
    def __init__(self, graph: Graph, secret: Sequence[bool]) -> None:
        self._graph = graph
        self._constants: dict[Any, Array] = {}
        # Which of the values that are there already are secret.
        self._secret: dict[Any, bool] = dict(zip(graph.arguments, secret, strict=True))
        self._left = list(graph.equations)

    def divided(self, loops: Sequence[Any]) -> Divided | None:
        groups: list[Any] = []
        for loop in loops:
            groups += [self._taken(loop.invars), loop]
            self._left.remove(loop)
        groups.append(self._taken(self._graph.results))
        steps: list[Straight | Repeated] = []
        for n, group in enumerate(groups):
            if isinstance(group, list):
                later = [atom for other in groups[n + 1 :] for atom in _read(other)]
                steps += self._straight(group, [*later, *self._graph.results])
            else:
                repeated = self._repeated(group)
                if not repeated:
                    return None
                steps += repeated
        if any(is_opaque(value.aval) for value in self._secret):
            return None
        results = [self._known(atom) if self._graph.level(atom) == CONSTANT else atom for atom in self._graph.results]
        return Divided(tuple(self._graph.arguments), tuple(steps), tuple(results))

    def _taken(self, atoms: Sequence[Any]) -> list[Any]:
        """The equations left that some values need."""
        needed, taken = set(variables(atoms)), []
        for equation in reversed(self._left):
            if self._graph.level(equation.outvars[0]) != CONSTANT and not needed.isdisjoint(equation.outvars):
                taken.append(equation)
                needed.update(variables(equation.invars))
        taken.reverse()
        self._left = [equation for equation in self._left if equation not in taken]
        return taken

    def _straight(self, equations: list[Any], later: Sequence[Any]) -> list[Straight]:
        made = {value for equation in equations for value in equation.outvars}
        outputs = [value for value in dict.fromkeys(variables(later)) if value in made]
        if not outputs:
            return []
        fn, inputs = self._function(equations, outputs)
        marks = [self._secret[value] for value in inputs]
        levels = _levels(fn, inputs, marks)
        self._secret.update(zip(outputs, levels, strict=True))
        return [Straight(fn, tuple(inputs), tuple(marks), tuple(outputs))]

    def _function(self, equations: Sequence[Any], outputs: Sequence[Any]) -> tuple[Callable[..., list[Any]], list[Any]]:
        """Equations as a function of the values that are no constants, and these values."""
        graph, constants = self._graph, list[Any]()
        fills, waiting = list[Any](), [v for equation in equations for v in variables(equation.invars)]
        by_value = {value: equation for equation in graph.equations for value in equation.outvars}
        while waiting:
            value = waiting.pop()
            if graph.level(value) != CONSTANT or value in constants:
                continue
            equation = by_value.get(value)
            if equation is not None and is_fill(equation):
                if equation not in fills:
                    fills.append(equation)
                    waiting += variables(equation.invars)
            else:
                constants.append(value)
        order = {id(equation): n for n, equation in enumerate(graph.equations)}
        every = sorted([*equations, *fills], key=lambda equation: order[id(equation)])
        made = {value for equation in every for value in equation.outvars}
        read = dict.fromkeys(v for equation in every for v in variables(equation.invars))
        inputs = [v for v in read if v not in made and graph.level(v) != CONSTANT]
        known = graph.evaluated(constants)
        inner = Piece(every, []).function([*inputs, *constants], list(outputs))
        return lambda *values: inner(*values, *(known[value] for value in constants)), inputs

    def _known(self, atom: Any) -> Array:
        if isinstance(atom, core.Literal):
            return np.asarray(atom.val, described(atom).dtype)
        if atom not in self._constants:
            self._constants.update(self._graph.evaluated([atom]))
        return self._constants[atom]

    # -------------------------------------------------------------------------------------------------- loops

    def _repeated(self, equation: Any) -> list[Repeated]:
        """A loop, in one part or two; nothing if it cannot be taken out."""
        normal = _scan(equation) if equation.primitive.name == "scan" else _while(equation)
        operands = [*equation.invars[: normal.captured], *equation.invars[normal.carried :]]
        initial = [*normal.initial, *equation.invars[normal.captured : normal.carried], *normal.buffers]
        if any(is_opaque(a.aval) for a in (*equation.invars, *equation.outvars)):
            return []
        baked = {n: self._known(a) for n, a in enumerate(operands) if self._graph.level(a) == CONSTANT}
        inputs = [atom for n, atom in enumerate(operands) if n not in baked]

        def fn(rounds: int, *values: Any) -> list[Any]:
            given = iter(values)
            every = [baked[n] if n in baked else next(given) for n in range(len(operands))]
            state = list(given)
            for _ in range(rounds):
                state = normal.round(every, state)
            return state

        carried = [
            self._known(a) if not isinstance(a, np.ndarray) and self._graph.level(a) == CONSTANT else a for a in initial
        ]
        marks = [self._secret[value] for value in inputs]
        state = [not isinstance(a, np.ndarray) and self._secret[a] for a in carried]
        one = functools.partial(fn, 1)
        shapes = [*inputs, *carried]
        while (found := [a or b for a, b in zip(state, _levels(one, shapes, [*marks, *state]))]) != state:
            state = found
        trips = self._counted(equation, state) if normal.trips is None else normal.trips
        if not trips:
            return []
        outputs = normal.outputs
        self._secret.update((value, state[n]) for value, n in outputs.items())
        rounds = min(trips, max(1, _LONG // _work_of(_traced(one, shapes))))
        between = {Between(described(a)): n for n, a in enumerate(carried)}
        secret, rest = (*marks, *state), trips % rounds
        first, last = functools.partial(fn, rounds), functools.partial(fn, rest)
        if rest == 0:
            return [Repeated(first, tuple(inputs), secret, tuple(carried), trips // rounds, outputs)]
        return [
            Repeated(first, tuple(inputs), secret, tuple(carried), trips // rounds, between),
            Repeated(last, tuple(inputs), secret, tuple(between), 1, outputs),
        ]

    def _counted(self, equation: Any, state: Sequence[bool]) -> int | None:
        """The trips of a `while`, if nothing decides that is secret, or public but only known at the call."""
        parameters, level = equation.params, self._graph.level
        n, m = parameters["cond_nconsts"], parameters["cond_nconsts"] + parameters["body_nconsts"]
        operands = equation.invars
        condition = core.jaxpr_as_fun(parameters["cond_jaxpr"])
        secret = [level(a) != CONSTANT and self._secret[a] for a in operands[:n]]
        [hidden] = _levels(condition, [*operands[:n], *operands[m:]], [*secret, *state])
        if hidden or any(level(a) != CONSTANT and not self._secret[a] for a in operands):
            return None
        return _trips(equation, [self._known(a) if level(a) == CONSTANT else None for a in operands])


def _read(group: Any) -> list[Any]:
    """The values that a group of equations, or a loop, reads."""
    return [atom for equation in (group if isinstance(group, list) else [group]) for atom in equation.invars]


def described(value: Any) -> jax.ShapeDtypeStruct:
    """The shape and dtype of an array, or of a value of a function."""
    shape = getattr(value, "aval", value)
    return jax.ShapeDtypeStruct(shape.shape, shape.dtype)


def _traced(fn: Callable[..., list[Any]], inputs: Sequence[Any]) -> core.ClosedJaxpr:
    return jax.make_jaxpr(fn)(*map(described, inputs))


def _levels(fn: Callable[..., list[Any]], inputs: Sequence[Any], secret: Sequence[bool]) -> list[bool]:
    """Which results of a function are secret."""
    graph = Graph(_traced(fn, inputs), secret)
    return [graph.level(atom) == SECRET for atom in graph.results]


@dataclass(frozen=True)
class _Loop:
    """A loop as rounds of one state.

    Attributes:
        round: from its operands, without what is carried, and the state to the next state.
        captured, carried: operands before `captured` and from `carried` on are the same in every round.
        initial, buffers: what is in the state before and behind what is carried.
        trips: None for a `while`.
        outputs: the results, by their position in the state.
    """

    round: Callable[[list[Any], list[Any]], list[Any]]
    captured: int
    carried: int
    initial: list[Array]
    buffers: list[Array]
    trips: int | None
    outputs: dict[Any, int]


def _scan(equation: Any) -> _Loop:
    """A scan counts, carries, takes slices of operands and leaves slices of results."""
    parameters = equation.params
    consts, carries, length = parameters["num_consts"], parameters["num_carry"], parameters["length"]
    body = core.jaxpr_as_fun(parameters["jaxpr"])

    def round_(operands: list[Any], state: list[Any]) -> list[Any]:
        counter, carry, stacked = state[0], state[1 : 1 + carries], state[1 + carries :]
        place = length - 1 - counter if parameters["reverse"] else counter
        slices = [lax.dynamic_index_in_dim(x, place, keepdims=False) for x in operands[consts:]]
        results = body(*operands[:consts], *carry, *slices)
        update = functools.partial(lax.dynamic_update_index_in_dim, index=place, axis=0)
        return [counter + 1, *results[:carries], *map(update, stacked, results[carries:])]

    stacked = [np.zeros(value.aval.shape, value.aval.dtype) for value in equation.outvars[carries:]]
    outputs = {value: 1 + n for n, value in enumerate(equation.outvars)}
    return _Loop(round_, consts, consts + carries, [np.array(0, np.int32)], stacked, length, outputs)


def _while(equation: Any) -> _Loop:
    parameters = equation.params
    n, m = parameters["cond_nconsts"], parameters["cond_nconsts"] + parameters["body_nconsts"]
    body = core.jaxpr_as_fun(parameters["body_jaxpr"])

    def round_(operands: list[Any], state: list[Any]) -> list[Any]:
        return list(body(*operands[n:m], *state))

    outputs = {value: position for position, value in enumerate(equation.outvars)}
    return _Loop(round_, m, len(equation.invars), [], [], None, outputs)
