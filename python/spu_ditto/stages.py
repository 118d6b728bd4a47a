"""The stages of a secure function, as in `jax.stages`: trace and lower for given shapes, compile, call."""

from __future__ import annotations

import functools
import threading
import types
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import jax
import numpy as np
import spu

from ditto.analysis.arguments import ValueNeeded
from ditto.dialects import pphlo
from ditto.dialects.dense import Array
from ditto.interpreter import evaluate
from ditto.policy.plan import HEADROOM, Plan
from ditto.policy.policy import Policy
from spu_ditto import handle, lowering, progress
from spu_ditto.arguments import Call, Parameters, abstract, name_of
from spu_ditto.compiled import REVEALED, Compiled, Runnable, RunOptions, main_values
from spu_ditto.cost import CostAnalysis, cost_analysis
from spu_ditto.errors import UnsupportedError
from spu_ditto.frontend import CAPTURED, Exported, to_stablehlo, traced_by_jax
from spu_ditto.handle import SharedArray
from spu_ditto.lowering import FractionBits, Source
from spu_ditto.program import RingProgram
from spu_ditto.program_cache import found_or_made
from spu_ditto.public_part import passed_on
from spu_ditto.reports.run_report import RunReport
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
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any], options: RunOptions = REVEALED
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
