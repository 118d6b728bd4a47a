"""The stages of a secure function, as in `jax.stages`: trace and lower for given shapes, compile, call."""

from __future__ import annotations

import abc
import dataclasses
import functools
import threading
import types
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import jax
import numpy as np
import spu

from ditto.analysis.arguments import ValueNeeded
from ditto.dialects import pphlo
from ditto.dialects.dense import Array
from ditto.encoding import Encoded, ValueType, check_dtype, decode_result, encode_argument
from ditto.interpreter import evaluate
from ditto.policy.plan import HEADROOM, Plan
from ditto.policy.policy import Policy
from spu_ditto import handle, lowering, progress
from spu_ditto.arguments import Call, Parameters, abstract, name_of
from spu_ditto.cost import CostAnalysis, cost_analysis
from spu_ditto.errors import UnsupportedError
from spu_ditto.frontend import CAPTURED, Exported, to_stablehlo, traced_by_jax
from spu_ditto.handle import SharedArray
from spu_ditto.kept import KeptArray, reveal
from spu_ditto.lowering import FractionBits, Source
from spu_ditto.memory import MemoryAnalysis, memory_analysis
from spu_ditto.plain_run import check_program, plain
from spu_ditto.program import RingProgram, load_program, save_program
from spu_ditto.program_cache import found_or_made
from spu_ditto.public_part import PublicPart, passed_on
from spu_ditto.reports.run_report import RunReport
from spu_ditto.runtime import Stored, current_runtime
from spu_ditto.signature import Described, Signature
from spu_ditto.specialise import Make, Programs, specialised
from spu_ditto.spu_compiler import compile_stablehlo
from spu_ditto.tracebacks import ends_here, user_level


@dataclasses.dataclass(frozen=True)
class RunOptions:
    """How to run; see `Runnable.run`."""

    offline_first: bool = False
    exact: bool | int = False
    keep: Any = False


class Runnable(abc.ABC):
    """What can be called with the arguments of a function."""

    @abc.abstractmethod
    def execute(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any], options: RunOptions = RunOptions()
    ) -> tuple[Any, RunReport]:
        """As `run`; arguments of the function may have the names of its options here."""

    @ends_here
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Runs it on the current runtime; arguments are arrays or handles: made by `share`, or results that were kept.

        Raises:
            ShapeError, RangeError: an argument does not fit; before any party starts.
            RangeError: also where a value inside leaves its range; named if the runtime has check_ranges.
            UnsupportedError: ranges are to be checked, and a handle has no array.
            RuntimeFailure: a party failed.
        """
        return self.execute(args, kwargs)[0]

    @ends_here
    def run(
        self, *args: Any, offline_first: bool = False, exact: bool | int = False, keep: Any = False, **kwargs: Any
    ) -> tuple[Any, RunReport]:
        """Like a call, and tells what it cost.

        Args:
            offline_first: P1 and P2 start once P0's whole stream has arrived, and the report tells their online time.
            exact: every real result is rounded once more, exactly and by a coin that neither P1 nor P2 knows, so that
                it tells them less of how they rounded before (README.md says how much). True rounds off half of the
                fraction bits, a number so many.
            keep: True has the parties keep the results, and gives handles that later calls take, or `reveal` opens; a
                pytree of booleans, such as (True, False), says so of each. What is public stays an array.

        Raises:
            ShapeError: `keep` does not match the results.
            UnsupportedError: a result that may be infinite, or is to be exact, is to be kept.
        """
        return self.execute(args, kwargs, RunOptions(offline_first, exact, keep))


class Compiled(Described, Runnable):
    """A program for one set of shapes and dtypes, ready to run. Call it with the arguments it was lowered for.

    Where the values of public arguments decide what the parties do, there is a program for each of them; texts and
    costs are those of the last one.
    """

    def __init__(self, signature: Signature, program: RingProgram | Programs) -> None:
        self.signature = signature
        if isinstance(program, RingProgram):
            program = Programs(program, None, program.part, program.main)
        self._programs = program
        self._exact: dict[tuple[RingProgram, int | None], RingProgram] = {}

    @property
    def program(self) -> RingProgram:
        """What the parties run, and what the caller does around it."""
        return self._programs.last()

    def execute(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any], options: RunOptions = RunOptions()
    ) -> tuple[Any, RunReport]:
        """See `Runnable`."""
        leaves = self.signature.leaves(args, kwargs)
        computed, values = self._public_values(leaves)
        program = self._programs.program_for(values)
        kept = self._kept(program, options)
        if options.exact:
            program = self._rerounded(program, None if options.exact is True else options.exact)
        public = _evaluated(program, values)
        runtime = current_runtime()
        named = zip(leaves, self.signature.arguments, strict=True)
        numbers = [plain(leaf, argument.name) for leaf, argument in named] if runtime.check_ranges else None
        inputs: list[Stored | Encoded] = []
        input_bytes, conversions = 0, []
        for binding in program.inputs:
            assert binding.type is not None
            if binding.source == "public":
                name = _public_name(program, binding.index)
                inputs.append(encode_argument(public[binding.index], binding.type, name))
                continue
            leaf, name = leaves[binding.index], self.signature.arguments[binding.index].name
            shared = leaf if isinstance(leaf, SharedArray) else SharedArray(leaf)
            placed = shared.placed(runtime, binding.type, name)
            input_bytes += placed.input_bytes
            if placed.conversion is not None:
                conversions.append(placed.conversion)
            inputs.append(placed.stored)
        if numbers is not None:
            check_program(program, numbers, public)
        unopened = {program.outputs[n].index for n in kept if program.outputs[n].source == "program"}
        outputs, report = runtime.run(program, inputs, offline_first=options.offline_first, keep=unopened)
        known = {"argument": leaves, "public": public, "computed": computed, "program": outputs}
        results = [
            KeptArray(self.signature.outputs[n], runtime, outputs[b.index], b.type)
            if b.source == "program" and b.index in unopened
            else self._result(n, known[b.source][b.index], b.type)
            for n, b in enumerate(program.outputs)
        ]
        # An output may be several results, and an argument may be one.
        results = [result if n in kept else np.asarray(reveal(result)) for n, result in enumerate(results)]
        tree = jax.tree_util.tree_unflatten(self.signature.out_tree, results)
        return tree, dataclasses.replace(
            report, input_bytes=input_bytes, program=program, conversions=tuple(conversions)
        )

    def _kept(self, program: RingProgram, options: RunOptions) -> set[int]:
        """The results that stay shared."""
        marks = self.signature.result_marks(options.keep)
        kept = {
            n for n, binding in enumerate(program.outputs) if marks[n] and binding.source in ("program", "argument")
        }
        for n in kept:
            type, name = program.outputs[n].type, self.signature.result_name(n)
            if options.exact:
                raise UnsupportedError(
                    f"the result{name and f' {name}'} is kept: exact= is for results that are opened"
                )
            if type is not None and type.infinities is not None:
                raise UnsupportedError(
                    f"the result{name and f' {name}'} may be infinite, which shares do not tell: keep something finite"
                )
        return kept

    def _rerounded(self, program: RingProgram, bits: int | None) -> RingProgram:
        if (program, bits) not in self._exact:
            self._exact[program, bits] = lowering.rerounded(program, bits)
        return self._exact[program, bits]

    def public_part(self, leaves: Sequence[Any]) -> list[Array]:
        """The results of `program.public`, from the leaves of the arguments.

        Raises:
            UnsupportedError: a public argument is a handle.
            RangeError: a public argument holds what its dtype does not.
        """
        _, values = self._public_values(leaves)
        return _evaluated(self._programs.program_for(values), values)

    def _public_values(self, leaves: Sequence[Any]) -> tuple[list[Array], list[Array | None]]:
        """What JAX computes from the arguments, and what of it and them @main takes."""
        found = []
        for leaf, argument in zip(leaves, self.signature.arguments, strict=True):
            if argument.visibility == "public":
                if isinstance(leaf, SharedArray):
                    raise UnsupportedError(f"argument {argument.name} is public; pass the array, not a handle")
                if argument.dtype.kind in "iu":
                    check_dtype(leaf, argument.dtype, argument.name)
                leaf = np.asarray(leaf, argument.dtype)
            found.append(leaf)
        computed = self._programs.part.computed(found)
        return computed, main_values(self._programs.part, self._programs.main, found, computed)

    def _result(self, n: int, value: Any, type: ValueType | None) -> Any:
        """A result that is known: an array, or a handle that was an argument."""
        output = self.signature.outputs[n]
        dtype = np.dtype(output.dtype)
        if isinstance(value, SharedArray):
            return value
        if type is None:
            return np.asarray(value).astype(dtype).reshape(output.shape)
        return decode_result(value, type, dtype, self.signature.result_name(n)).reshape(output.shape)

    @property
    def executable(self) -> spu.Executable:
        """SPU's container for a program; its code is the program's text in the ring dialect."""
        return spu.Executable(
            name=self.signature.name,
            input_names=[a.name for a in self.signature.arguments],
            output_names=[f"out{n}" for n in range(len(self.signature.outputs))],
            code=self.program.ring.encode(),
        )

    @ends_here
    def as_text(self) -> str:
        """The program in the ring dialect."""
        return self.program.ring

    @ends_here
    def cost_analysis(self) -> CostAnalysis:
        """Bytes and rounds per operation kind and per layer, before running anything."""
        return cost_analysis(self.program)

    @ends_here
    def memory_analysis(self) -> MemoryAnalysis:
        """Bytes that one execution holds at a party."""
        return memory_analysis(self.program)

    @ends_here
    def save(self, path: str | Path) -> None:
        """Writes the program to a file that `load` reads.

        Raises:
            CompileError: arguments or results contain containers other than dict, list and tuple.
        """
        save_program(path, self.program, self.signature.to_json())

    @staticmethod
    @ends_here
    def load(path: str | Path) -> Compiled:
        """Reads a program that `save` wrote. Raises CompileError if it is none."""
        program, signature = load_program(path)
        return Compiled(Signature.from_json(signature), program)


def main_values(
    part: PublicPart, main: Sequence[str], leaves: Sequence[Any], computed: Sequence[Array]
) -> list[Array | None]:
    """The arguments of @main, None for secret ones."""
    sources = {"argument": leaves, "computed": computed}
    return [np.asarray(sources[kind][n]) if name else None for (kind, n), name in zip(part.main, main, strict=True)]


def _evaluated(program: RingProgram, values: Sequence[Array | None]) -> list[Array]:
    """The results of `program.public`."""
    passed = [value for n, value in enumerate(values) if value is not None and n not in program.fixed]
    return lowering.evaluate_public(program, passed)


def _public_name(program: RingProgram, result: int) -> str:
    """What errors call a result of `program.public`: the arguments it is computed from."""
    names = [name for n, name in enumerate(program.main) if name and n not in program.fixed]
    return " or ".join(names[n] for n in lowering.public_origins(program, result))


class Lowered(Described):
    """A function lowered for given shapes: its texts, its cost and its calibrated `plan`, before anything runs."""

    def __init__(
        self,
        signature: Signature,
        source: Callable[[], Source],
        program: RingProgram,
        plan: Plan | None,
        make: Make,
    ) -> None:
        self.plan = plan
        self.signature = signature
        self._source = source
        self._program = program
        self._make = make

    @ends_here
    def as_text(self, dialect: Literal["pphlo", "ring"] = "ring") -> str:
        """The program as SPU's compiler gave it ("pphlo"), or as our passes made it of that ("ring")."""
        if dialect not in ("pphlo", "ring"):
            raise UnsupportedError(f'dialect {dialect!r} is not one of "pphlo", "ring"')
        return self._source().text if dialect == "pphlo" else self._program.ring

    @ends_here
    def cost_analysis(self) -> CostAnalysis:
        """Bytes and rounds per operation kind and per layer, before running anything."""
        return cost_analysis(self._program)

    @ends_here
    def compile(self) -> Compiled:
        """The program, ready to run."""
        program = self._program
        return Compiled(self.signature, Programs(program, self._make, program.part, program.main))

    def exactly(self, leaves: Sequence[Array]) -> list[Array]:
        """The results in plain and in float64, from the leaves of the arguments."""
        source = self._source()
        known: dict[str, Sequence[Array]] = {"argument": leaves, "computed": source.part.computed(leaves)}
        inputs = [np.asarray(known[kind][n]) for kind, n in source.part.main]
        known["program"] = evaluate(pphlo.parse_module(source.text), [*inputs, *source.constants], exact=True)
        return [np.asarray(known[kind][n]) for kind, n in source.part.outputs]


class Traced(Described):
    """A function traced for given shapes, not lowered yet.

    Attributes:
        jaxpr: the function as JAX traced it.
        fun_name: the function's name.
    """

    def __init__(self, exported: Exported, jaxpr: Any, lower: Callable[[], Lowered]) -> None:
        self.signature = exported.signature
        self.fun_name = exported.signature.name
        self.jaxpr = jaxpr
        self._exported = exported
        self._lower = lower

    @ends_here
    def lower(self) -> Lowered:
        """Compiles the function for three parties."""
        return self._lower()


class SecureFunction(Runnable):
    """A JAX function that runs on shares: traced and compiled for each new set of shapes, then kept, like `jax.jit`."""

    def __init__(
        self,
        fn: Callable[..., Any],
        policy: Policy,
        input_visibility: Any = None,
        static_argnums: int | Sequence[int] = (),
        calibration: Sequence[tuple[Any, ...]] = (),
        headroom: float = HEADROOM,
        static_argnames: str | Sequence[str] = (),
    ) -> None:
        # Not its attributes: a jitted function's would hide the methods here.
        functools.update_wrapper(self, fn, updated=())
        self.__name__ = name_of(fn)
        self._headroom = headroom
        self._calibration = calibration
        self._policy = policy
        self._visibility = input_visibility
        self._parameters = Parameters(fn, static_argnums, static_argnames)
        self._compiled: dict[Any, Compiled] = {}
        self._told_of_captured = False
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<SecureFunction {self.__name__}, ring policy {self._policy.name}>"

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Methods can be decorated, as with `jax.jit`; `self` is an argument like any other."""
        return self if instance is None else types.MethodType(self, instance)

    def execute(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any], options: RunOptions = RunOptions()
    ) -> tuple[Any, RunReport]:
        """See `Runnable`."""
        call = self._parameters.call(args, kwargs)
        return self._compiled_for(call, args, kwargs).execute(call.args, call.kwargs, options)

    @ends_here
    def eval_shape(self, *args: Any, **kwargs: Any) -> Any:
        """The shapes and dtypes of the results, as `jax.ShapeDtypeStruct`s, without compiling anything."""
        call = self._parameters.call(args, kwargs)
        described = [abstract(leaf, name) for name, leaf in call.named_leaves()]
        tree = jax.tree_util.tree_structure((call.args, call.kwargs))
        arguments, keywords = jax.tree_util.tree_unflatten(tree, described)
        return jax.eval_shape(call.fn, *arguments, **keywords)

    @ends_here
    def trace(self, *args: Any, **kwargs: Any) -> Traced:
        """Traces for the shapes and dtypes of the arguments: arrays, handles or `jax.ShapeDtypeStruct`s."""
        call = self._parameters.call(args, kwargs)
        traced = traced_by_jax(call)
        exported = to_stablehlo(traced, call, self._visibility)
        leaves = [leaf for _, leaf in call.named_leaves()]
        return Traced(exported, traced.jaxpr, lambda: self._lower(exported, leaves))

    @ends_here
    def lower(self, *args: Any, **kwargs: Any) -> Lowered:
        """Traces and lowers for the shapes and dtypes of the arguments."""
        return self.trace(*args, **kwargs).lower()

    def _lower(self, exported: Exported, leaves: Sequence[Any]) -> Lowered:
        signature = exported.signature
        lowering.check_range_names(self._policy, signature.arguments)
        kept = exported.captured <= CAPTURED
        if not kept and not self._told_of_captured:
            self._told_of_captured = True
            warnings.warn(
                f"{signature.name} has captured an array of {exported.captured} numbers; it becomes a part of the "
                "program, which all parties know: pass it as an argument to keep it secret",
                stacklevel=user_level(),
            )
        samples = [
            _main_arrays(exported, signature.leaves(self._parameters.call(sample, {}).args))
            for sample in self._calibration
        ]

        @functools.cache
        def source() -> Source:
            text = compile_stablehlo(exported.stablehlo, exported.visibility(), exported.located_stablehlo, cached=kept)
            return Source(text, exported.main, exported.part, exported.constants, samples, self._headroom)

        plans = [self._policy.plan]

        def make(fixed: Mapping[int, Array]) -> RingProgram:
            def lowered() -> RingProgram:
                with progress.shown(signature.name, lowering.STEPS):
                    progress.begin("SPU's compiler")
                    program, plans[0] = lowering.lower_pphlo(source(), self._policy, fixed)
                return program

            return lowered() if samples or not kept else found_or_made(exported, fixed, self._policy, lowered)

        program = specialised(make, _values_now(exported, leaves))
        return Lowered(signature, source, program, plans[0], make)

    @ends_here
    def share(self, tree: Any) -> Any:
        """A handle that calls take in place of the arrays of `tree`; each array is shared once, at its first use."""
        return handle.share(tree)

    def _compiled_for(self, call: Call, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Compiled:
        tree = jax.tree_util.tree_structure((call.args, call.kwargs))
        described = (abstract(leaf, name) for name, leaf in call.named_leaves())
        key = (tree, tuple((tuple(a.shape), str(a.dtype), a.weak_type) for a in described), call.static)
        with self._lock:
            if key not in self._compiled:
                self._compiled[key] = self.lower(*args, **kwargs).compile()
            return self._compiled[key]


def _main_arrays(exported: Exported, leaves: Sequence[Any]) -> list[Array]:
    """The arguments of @main, secret ones too."""
    sources = {"argument": leaves, "computed": exported.part.computed(leaves)}
    return [np.asarray(sources[kind][n]) for kind, n in exported.part.main]


def _values_now(exported: Exported, leaves: Sequence[Any]) -> list[Array | None]:
    """The public arguments of @main, if those of the function are arrays already."""
    names = lowering.public_names(exported.main)
    typed: list[Any] = list(leaves)
    for n, argument in enumerate(exported.signature.arguments):
        if argument.visibility == "public":
            if isinstance(leaves[n], jax.ShapeDtypeStruct | SharedArray):
                return [None] * len(names)
            typed[n] = np.asarray(leaves[n], argument.dtype)
    return main_values(exported.part, names, typed, exported.part.computed(typed))


@ends_here
def from_pphlo(
    source: str | spu.Executable, ring_policy: str = "ditto", fraction_bits: FractionBits = None
) -> Compiled:
    """Takes over a program that SPU has compiled already.

    Args:
        source: PPHLO text, or a `spu.Executable` holding it.
        ring_policy, fraction_bits: as in `spu_ditto.compile`.

    Returns:
        The program; it takes the arguments of @main one by one and returns a tuple.

    Raises:
        PolicyError, CompileError, UnsupportedError: as `spu.compile` with a ring policy.
    """
    policy = lowering.get_policy(ring_policy, fraction_bits)
    names: list[str] = []
    name = "main"
    if isinstance(source, spu.Executable):
        names, name = list(source.input_names), source.name or name
        source = source.code.decode() if isinstance(source.code, bytes) else source.code
    arguments, outputs = lowering.pphlo_signature(source, names)
    signature = Signature(
        name,
        tuple(argument.name for argument in arguments),
        arguments,
        jax.tree_util.tree_structure((tuple(0 for _ in arguments), {})),
        jax.tree_util.tree_structure(tuple(0 for _ in outputs)),
        outputs,
    )
    lowering.check_range_names(policy, arguments)
    given = Source(source, arguments, passed_on(len(arguments), len(outputs)))

    def make(fixed: Mapping[int, Array]) -> RingProgram:
        return lowering.lower_pphlo(given, policy, fixed)[0]

    try:
        first = make({})
    except ValueNeeded:
        first = None
    return Compiled(signature, Programs(first, make, given.part, lowering.public_names(arguments)))
