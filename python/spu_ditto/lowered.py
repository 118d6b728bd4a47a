"""A function lowered to the parties' program, before anything runs."""

from __future__ import annotations

import dataclasses
import functools
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import jax
import numpy as np

from ditto.dialects import pphlo
from ditto.dialects.dense import Array
from ditto.interpreter import evaluate
from ditto.parties.cost import CostAnalysis, cost_analysis
from ditto.parties.program import RingProgram
from ditto.policy.plan import HEADROOM, Plan
from ditto.policy.policy import Policy
from spu_ditto import lowering, progress
from spu_ditto.compiled import Compiled, main_values
from spu_ditto.errors import ShapeWarning, UnsupportedError
from spu_ditto.explain import Explanation, explain
from spu_ditto.frontend import CAPTURED, Exported
from spu_ditto.handle import SharedArray
from spu_ditto.lowering import Source
from spu_ditto.program_cache import found_or_made
from spu_ditto.public_part import results_of
from spu_ditto.signature import Described, Signature
from spu_ditto.specialise import Make, Programs, specialised
from spu_ditto.spu_compiler import compile_stablehlo
from spu_ditto.tracebacks import ends_here, user_level


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
    def explain(self) -> Explanation:
        """In how many bits each value is, and why: what its range rests on, its fraction, what its uses need."""
        return explain([program for program, _ in self.cost_analysis().programs], self.plan)

    @ends_here
    def compile(self) -> Compiled:
        """The program, ready to run."""
        program = self._program
        return Compiled(self.signature, Programs(program, self._make, program.part, program.main))

    def exactly(self, leaves: Sequence[Array]) -> list[Array]:
        """The results in plain and in float64, from the leaves of the arguments."""
        source = self._source()
        known: dict[str, Sequence[Array]] = {"argument": leaves, "computed": results_of(source.part, leaves)}
        inputs = [np.asarray(known[kind][n]) for kind, n in source.part.main]
        known["program"] = evaluate(pphlo.parse_module(source.text), [*inputs, *source.constants], exact=True)
        return [np.asarray(known[kind][n]) for kind, n in source.part.outputs]


def lower_exported(
    exported: Exported,
    policy: Policy,
    leaves: Sequence[Any],
    samples: Sequence[Sequence[Array]] = (),
    headroom: float = HEADROOM,
) -> Lowered:
    """Lowers a traced function.

    Args:
        leaves: its arguments, or their shapes.
        samples: `main_arrays` to calibrate with.
    """
    kept = exported.captured <= CAPTURED
    source = source_of(exported, samples, headroom)
    shapes = {argument.name: argument.shape for argument in exported.signature.arguments}
    plans = [policy.plan]

    def make(fixed: Mapping[int, Array]) -> RingProgram:
        def lowered() -> RingProgram:
            with progress.shown(exported.signature.name, lowering.STEPS):
                progress.begin("SPU's compiler")
                program, plan = lowering.lower_pphlo(source(), policy, fixed)
            if samples and plan is not None:
                plans[0] = dataclasses.replace(plan, arguments=shapes)
            return program

        return lowered() if samples or not kept else found_or_made(exported, fixed, policy, lowered)

    program = specialised(make, _values_now(exported, leaves))
    if policy.plan is not None:
        _warn_of_other_shapes(policy.plan, exported.signature)
    return Lowered(exported.signature, source, program, plans[0], make)


def _warn_of_other_shapes(plan: Plan, signature: Signature) -> None:
    now = {argument.name: argument.shape for argument in signature.arguments}
    others = plan.other_shapes(now)
    if not others:
        return
    name = next(iter(others))
    more = f" and {len(others) - 1} more" if len(others) > 1 else ""
    warnings.warn(
        f"the plan of {signature.name} was calibrated with {name} of shape {list(others[name])}, and it is "
        f"{list(now[name])} now{more}: what was seen there may not hold; calibrate with samples of these shapes",
        ShapeWarning,
        stacklevel=user_level(),
    )


def source_of(
    exported: Exported, samples: Sequence[Sequence[Array]] = (), headroom: float = HEADROOM
) -> Callable[[], Source]:
    """A traced function as SPU compiles it, once it is asked for."""

    @functools.cache
    def source() -> Source:
        kept = exported.captured <= CAPTURED
        text = compile_stablehlo(exported.stablehlo, exported.visibility(), exported.located_stablehlo, cached=kept)
        return Source(text, exported.main, exported.part, exported.constants, samples, headroom)

    return source


def main_arrays(exported: Exported, leaves: Sequence[Any]) -> list[Array]:
    """The arguments of @main, secret ones too."""
    sources = {"argument": leaves, "computed": results_of(exported.part, leaves)}
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
    return main_values(exported.part, names, typed, results_of(exported.part, typed))
