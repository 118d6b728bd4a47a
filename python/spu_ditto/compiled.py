"""Programs that are ready to run, and how they are called."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import spu

from ditto.dialects.dense import Array
from ditto.encoding import Encoded, ValueType, check_dtype, decode_result, encode_argument
from ditto.parties.cost import CostAnalysis, cost_analysis
from ditto.parties.program import PublicPart, RingProgram, load_program, save_program
from ditto.parties.run_report import RunReport, total
from ditto.parties.runtime import Runtime, Stored, current_runtime
from spu_ditto import lowering
from spu_ditto.errors import UnsupportedError
from spu_ditto.handle import SharedArray
from spu_ditto.kept import KeptArray, reveal
from spu_ditto.memory import MemoryAnalysis, memory_analysis
from spu_ditto.plain_run import check_program, plain
from spu_ditto.public_part import results_of
from spu_ditto.signature import Described, Signature
from spu_ditto.specialise import Programs
from spu_ditto.tracebacks import ends_here


@dataclasses.dataclass(frozen=True)
class RunOptions:
    """How to run; see `Runnable.run`."""

    offline_first: bool = False
    exact: bool | int = False
    keep: Any = False


REVEALED = RunOptions()


class Runnable(abc.ABC):
    """What can be called with the arguments of a function."""

    @abc.abstractmethod
    def execute(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any], options: RunOptions = REVEALED
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

    def argument_types(self) -> dict[int, ValueType]:
        """The rings in which secret arguments are taken, by position; not of those that are not needed."""
        return {b.index: b.type for b in self.program.inputs if b.source == "argument" and b.type is not None}

    def result_types(self) -> dict[int, ValueType]:
        """The rings in which results come out of the program, by position."""
        return {n: b.type for n, b in enumerate(self.program.outputs) if b.source == "program" and b.type is not None}

    def execute(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any], options: RunOptions = REVEALED
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
        checked = None if numbers is None else check_program(program, numbers, public)
        unopened = {program.outputs[n].index for n in kept if program.outputs[n].source == "program"}
        outputs: Sequence[Any] = ()
        report = total(())
        if any(binding.source == "program" for binding in program.outputs):
            outputs, report = runtime.run(program, inputs, offline_first=options.offline_first, keep=unopened)
        known = {"argument": leaves, "public": public, "computed": computed, "program": outputs}
        results = [
            self._kept_result(n, runtime, outputs[b.index], b.type, None if checked is None else checked[b.index])
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

    def _kept_result(
        self, n: int, runtime: Runtime, stored: Any, type: ValueType | None, checked: Array | None
    ) -> KeptArray:
        output = self.signature.outputs[n]
        if checked is not None and type is not None:
            checked = decode_result(checked, type, np.dtype(output.dtype)).reshape(output.shape)
        return KeptArray(output, runtime, stored, type, checked)

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
        computed = results_of(self._programs.part, found)
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
