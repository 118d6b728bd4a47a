"""The stages of a secure function, as in `jax.stages`: trace and lower for given shapes, compile, call."""

from __future__ import annotations

import functools
import threading
import types
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import spu

from ditto.analysis.arguments import ValueNeeded
from ditto.dialects.dense import Array
from ditto.parties.program import RingProgram
from ditto.parties.run_report import RunReport
from ditto.policy.plan import HEADROOM
from ditto.policy.policy import Policy
from spu_ditto import handle, lowering
from spu_ditto.arguments import Call, Parameters, abstract, name_of
from spu_ditto.chain import Chain, chained_or_unrolled
from spu_ditto.compiled import REVEALED, Compiled, Runnable, RunOptions
from spu_ditto.frontend import CAPTURED, Exported, to_stablehlo, traced_by_jax
from spu_ditto.lowered import Lowered, lower_exported, main_arrays
from spu_ditto.lowering import FractionBits, Source
from spu_ditto.public_part import passed_on
from spu_ditto.signature import Described, Signature
from spu_ditto.specialise import Programs
from spu_ditto.tracebacks import ends_here, user_level


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
        self._compiled: dict[Any, Compiled | Chain] = {}
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
        return Traced(exported, traced.jaxpr, lambda: self._lower(exported, traced.jaxpr, leaves))

    @ends_here
    def lower(self, *args: Any, **kwargs: Any) -> Lowered:
        """Traces and lowers for the shapes and dtypes of the arguments."""
        return self.trace(*args, **kwargs).lower()

    def _lower(self, exported: Exported, jaxpr: Any, leaves: Sequence[Any]) -> Lowered:
        signature = exported.signature
        lowering.check_range_names(self._policy, signature.arguments)
        if exported.captured > CAPTURED and not self._told_of_captured:
            self._told_of_captured = True
            warnings.warn(
                f"{signature.name} has captured an array of {exported.captured} numbers; it becomes a part of the "
                "program, which all parties know: pass it as an argument to keep it secret",
                stacklevel=user_level(),
            )
        samples = [
            main_arrays(exported, signature.leaves(self._parameters.call(sample, {}).args))
            for sample in self._calibration
        ]
        # A plan tells every round of a loop apart.
        if not samples and self._policy.plan is None:
            return chained_or_unrolled(exported, jaxpr, self._policy, leaves)
        return lower_exported(exported, self._policy, leaves, samples, self._headroom)

    @ends_here
    def share(self, tree: Any) -> Any:
        """A handle that calls take in place of the arrays of `tree`; each array is shared once, at its first use."""
        return handle.share(tree)

    def _compiled_for(self, call: Call, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Compiled | Chain:
        tree = jax.tree_util.tree_structure((call.args, call.kwargs))
        described = (abstract(leaf, name) for name, leaf in call.named_leaves())
        key = (tree, tuple((tuple(a.shape), str(a.dtype), a.weak_type) for a in described), call.static)
        with self._lock:
            if key not in self._compiled:
                self._compiled[key] = self.lower(*args, **kwargs).compile()
            return self._compiled[key]


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
