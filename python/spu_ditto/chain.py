"""Functions with long loops over secrets as a chain of programs: what one gives the parties keep for the next.

The program of a loop's body is compiled once and run for every round. It ends in the rings in which the next round
takes what is carried, and the parties check for certain that this is within the range that an argument may have there;
so do the programs before and behind it. See `loops.py` for how a function is divided.

A guard that is set off in a round ends the call, so that the parties learn in which round it was.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import jax
import numpy as np
import spu

from ditto.encoding import ValueType, check_dtype, encode_argument
from ditto.parties.cost import CostAnalysis, no_cost
from ditto.parties.program import RingProgram
from ditto.parties.run_report import RunReport, total
from ditto.policy.policy import Policy
from spu_ditto.arguments import Call, Visibility
from spu_ditto.compiled import REVEALED, Compiled, Runnable, RunOptions
from spu_ditto.errors import CompileError, RangeError, UnsupportedError
from spu_ditto.frontend import Exported, to_stablehlo, traced_by_jax
from spu_ditto.handle import SharedArray
from spu_ditto.kept import opened, opening_cost
from spu_ditto.loops import Divided, Repeated, Straight, described, divide_loops
from spu_ditto.lowered import Lowered, lower_exported, source_of
from spu_ditto.lowering import Source, ending_in
from spu_ditto.memory import MemoryAnalysis
from spu_ditto.signature import Described, Signature
from spu_ditto.tracebacks import ends_here

Part = Straight | Repeated


@dataclasses.dataclass(frozen=True)
class _Step:
    """A part of the function with its program."""

    part: Part
    program: Compiled | Chain

    @property
    def trips(self) -> int:
        return self.part.trips if isinstance(self.part, Repeated) else 1

    def taken(self) -> dict[Any, ValueType]:
        """The rings in which it takes values of the function; not what it carries into its first round, if arrays."""
        initial = self.part.initial if isinstance(self.part, Repeated) else ()
        types = self.program.argument_types()
        values = [*self.part.inputs, *initial]
        return {v: types[n] for n, v in enumerate(values) if n in types and not isinstance(v, np.ndarray)}


class Chain(Described, Runnable):
    """Programs that are run one after the other; call it with the arguments that the function was lowered for."""

    def __init__(self, signature: Signature, divided: Divided, steps: Sequence[_Step]) -> None:
        self.signature = signature
        self._divided = divided
        self._steps = tuple(steps)

    def argument_types(self) -> dict[int, ValueType]:
        """The rings in which arguments are taken first, by position; see `Compiled.argument_types`."""
        taken: dict[Any, ValueType] = {}
        for step in reversed(self._steps):
            taken.update(step.taken())
        return {n: taken[value] for n, value in enumerate(self._divided.arguments) if value in taken}

    def execute(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any], options: RunOptions = REVEALED
    ) -> tuple[Any, RunReport]:
        """See `Runnable`."""
        leaves = self.signature.leaves(args, kwargs)
        marks = self.signature.result_marks(options.keep)
        if options.exact and any(marks):
            name = self.signature.result_name(marks.index(True))
            raise UnsupportedError(f"the result{name and f' {name}'} is kept: exact= is for results that are opened")
        values: dict[Any, Any] = {}
        for value, leaf, argument in zip(self._divided.arguments, leaves, self.signature.arguments, strict=True):
            shared = argument.visibility == "secret" and not isinstance(leaf, SharedArray)
            values[value] = SharedArray(leaf) if shared else leaf
        reports: list[RunReport] = []
        for step in self._steps:
            reports += self._run(step, values, options, marks if self._opens(step) else None)
        results: list[Any] = [values[r] if not isinstance(r, np.ndarray) else r for r in self._divided.results]
        secret = [n for n, r in enumerate(results) if isinstance(r, SharedArray) and not marks[n]]
        arrays, opening = opened([results[n] for n in secret], options.exact, options.offline_first)
        for n, array in zip(secret, arrays, strict=True):
            results[n] = array
        # As JAX has them, where an argument was returned.
        results = [
            r if isinstance(r, SharedArray) else np.asarray(r).astype(o.dtype).reshape(o.shape)
            for r, o in zip(results, self.signature.outputs, strict=True)
        ]
        return jax.tree_util.tree_unflatten(self.signature.out_tree, results), total([*reports, *opening])

    def _run(
        self, step: _Step, values: dict[Any, Any], options: RunOptions, marks: Sequence[bool] | None
    ) -> Iterable[RunReport]:
        """Runs a step, whose results go to `values`; in the last one those are opened that need not be kept."""
        kept = RunOptions(offline_first=options.offline_first, keep=True)
        inputs = [values[value] for value in step.part.inputs]
        if isinstance(step.part, Straight):
            if marks is not None:
                keep = [any(m for r, m in zip(self._divided.results, marks) if r is v) for v in step.part.outputs]
                kept = dataclasses.replace(options, keep=keep)
            results, report = step.program.execute(tuple(inputs), {}, kept)
            values.update(zip(step.part.outputs, results, strict=True))
            yield report
            return
        state = [v if isinstance(v, np.ndarray) else values[v] for v in step.part.initial]
        for trip in range(step.part.trips):
            state, report = step.program.execute((*inputs, *state), {}, kept)
            # The operations of a round that is like the first are not told again.
            yield report if trip == 0 else dataclasses.replace(report, events=())
        values.update((value, state[position]) for value, position in step.part.outputs.items())

    @ends_here
    def as_text(self) -> str:
        """The programs in the ring dialect, one after the other."""
        return "\n".join(f"// {self._title(step)}\n{step.program.as_text()}" for step in self._steps)

    def _title(self, step: _Step) -> str:
        return f"a loop, run {step.trips} times" if isinstance(step.part, Repeated) else "run once"

    @ends_here
    def cost_analysis(self) -> CostAnalysis:
        """Bytes and rounds per operation kind and per layer, before running anything; of a call that reveals all."""
        cost = no_cost()
        for step in self._steps:
            cost += step.program.cost_analysis() * step.trips
        return cost + opening_cost(self._opened_types())

    def _opened_types(self) -> list[ValueType]:
        """The rings of results that no last program opens."""
        made = self._made_by(step for step in self._steps if not self._opens(step))
        return [made[r] for r in self._divided.results if not isinstance(r, np.ndarray) and r in made]

    def result_types(self) -> dict[int, ValueType]:
        """The rings in which results are kept, by position."""
        made, results = self._made_by(self._steps), enumerate(self._divided.results)
        return {n: made[r] for n, r in results if not isinstance(r, np.ndarray) and r in made}

    def _opens(self, step: _Step) -> bool:
        """Whether results come out of a step in the clear, if they are not to be kept."""
        return step is self._steps[-1] and isinstance(step.part, Straight)

    @staticmethod
    def _made_by(steps: Iterable[_Step]) -> dict[Any, ValueType]:
        """The rings of the values that steps make."""
        made: dict[Any, ValueType] = {}
        for step in steps:
            types, outputs = step.program.result_types(), step.part.outputs
            places = outputs if isinstance(outputs, dict) else {value: n for n, value in enumerate(outputs)}
            made.update((value, types[n]) for value, n in places.items() if n in types)
        return made

    @ends_here
    def memory_analysis(self) -> MemoryAnalysis:
        """Bytes that an execution holds at a party: the most of each kind that one of its programs holds."""
        every = [dataclasses.astuple(step.program.memory_analysis()) for step in self._steps]
        return MemoryAnalysis(*map(max, zip(*every, strict=True)))

    @property
    def program(self) -> RingProgram:
        """Raises UnsupportedError: there are several."""
        raise UnsupportedError(
            f"{self.signature.name} has a long loop, and is several programs, run in turn: pages, divergences, "
            "executables and files are of single ones; take the function that the loop calls"
        )

    @ends_here
    def save(self, path: str | Path) -> None:
        """Raises UnsupportedError: only single programs are saved."""
        _ = self.program

    @property
    def executable(self) -> spu.Executable:
        """Raises UnsupportedError: SPU's container is for single programs."""
        _ = self.program


class LoweredChain(Lowered):
    """A function lowered to a chain of programs."""

    def __init__(self, chain: Chain, source: Callable[[], Source]) -> None:
        self.plan = None
        self.signature = chain.signature
        self._source = source
        self._chain = chain

    @ends_here
    def as_text(self, dialect: Literal["pphlo", "ring"] = "ring") -> str:
        """The function as SPU's compiler gave it ("pphlo"), or its programs in the ring dialect ("ring")."""
        return self._chain.as_text() if dialect == "ring" else super().as_text(dialect)

    @ends_here
    def cost_analysis(self) -> CostAnalysis:
        """Bytes and rounds per operation kind and per layer, before running anything."""
        return self._chain.cost_analysis()

    @ends_here
    def compile(self) -> Chain:  # type: ignore[override]
        """The programs, ready to run."""
        return self._chain


def chain(exported: Exported, jaxpr: Any, policy: Policy) -> LoweredChain | None:
    """Lowers a traced function whose long loops can be programs of their own; None if there is none.

    Raises:
        CompileError, UnsupportedError: they cannot, since the parties do another thing in every round, or what is
            carried is not kept, or may be too large for what is made of it. Unrolled, the function may still run.
    """
    signature = exported.signature
    divided = divide_loops(jaxpr, [argument.visibility == "secret" for argument in signature.arguments])
    if divided is None:
        return None
    names = {v: a.name for v, a in zip(divided.arguments, signature.arguments, strict=True)}
    steps = [_Step(part, _compiled(signature.name, part, names, policy)) for part in divided.steps]
    _check_initial(steps, names, policy)
    return LoweredChain(Chain(signature, divided, _linked(steps)), source_of(exported))


def chained_or_unrolled(exported: Exported, jaxpr: Any, policy: Policy, leaves: Sequence[Any]) -> Lowered:
    """Lowers a traced function, as a chain of programs if that can be."""
    try:
        chained = chain(exported, jaxpr, policy)
    except (CompileError, UnsupportedError) as reason:
        try:
            return lower_exported(exported, policy, leaves)
        except (CompileError, UnsupportedError) as error:
            raise error from reason
    return chained or lower_exported(exported, policy, leaves)


def _compiled(name: str, part: Part, names: Mapping[Any, str], policy: Policy) -> Compiled | Chain:
    """The program of a part of a function."""
    carried = part.initial if isinstance(part, Repeated) else ()
    # No parameter is called like this.
    parameters = (
        *(names.get(value, f"value {n}") for n, value in enumerate(part.inputs)),
        *(f"what the loop carries, number {n}" for n in range(len(carried))),
    )

    def fn(*arguments: Any) -> list[Any]:
        return part.fn(*arguments)

    fn.__name__ = f"{name}_loop" if isinstance(part, Repeated) else name
    shapes = tuple(map(described, (*part.inputs, *carried)))
    call = Call(fn, shapes, {}, parameters, ())
    traced = traced_by_jax(call)
    marks: list[Visibility] = ["secret" if hidden else "public" for hidden in part.secret]
    exported = to_stablehlo(traced, call, marks)
    ranges = {name: size for name, size in policy.ranges.items() if name in parameters}
    policy = dataclasses.replace(policy, ranges=ranges)
    return chained_or_unrolled(exported, traced.jaxpr, policy, shapes).compile()


def _check_initial(steps: Sequence[_Step], names: Mapping[Any, str], policy: Policy) -> None:
    """Raises UnsupportedError where a loop begins with what an argument of its body may not be."""
    for step in steps:
        if not isinstance(step.part, Repeated):
            continue
        types, first = step.program.argument_types(), len(step.part.inputs)
        for n, value in enumerate(step.part.initial):
            if not isinstance(value, np.ndarray):
                if names.get(value) in policy.ranges:
                    raise UnsupportedError(f"a loop begins with {names[value]}, whose range is stated")
            elif first + n in types:
                try:
                    check_dtype(value, value.dtype, "carried")
                    encode_argument(value, types[first + n], "carried")
                except RangeError as error:
                    raise UnsupportedError(f"a loop begins with a number too large to be kept: {error}") from error


def _linked(steps: Sequence[_Step]) -> list[_Step]:
    """The steps with programs that end in the rings in which the next ones take what they make.

    Raises:
        UnsupportedError: there is no conversion.
    """
    wanted: dict[Any, ValueType] = {}
    linked = []
    for step in reversed(steps):
        taken = step.program.argument_types()
        if isinstance(step.part, Repeated):
            first = len(step.part.inputs)
            carried = {n - first: type for n, type in taken.items() if n >= first}
            later = {n: wanted[value] for value, n in step.part.outputs.items() if value in wanted}
            types = {**later, **carried}
        else:
            types = {n: wanted[value] for n, value in enumerate(step.part.outputs) if value in wanted}
        if isinstance(step.program, Compiled):
            opened = step is steps[-1] and isinstance(step.part, Straight)
            step = dataclasses.replace(step, program=_ending_in(step.program, types, opened))
        linked.append(step)
        wanted.update(step.taken())
    return linked[::-1]


def _ending_in(compiled: Compiled, types: Mapping[int, ValueType], opened: bool) -> Compiled:
    """A program that ends in other rings. What is not opened has to be finite."""
    for n, type in compiled.result_types().items():
        if not opened and type.infinities is not None:
            raise UnsupportedError(f"result {n} may be infinite")
    return Compiled(compiled.signature, ending_in(compiled.program, types))
