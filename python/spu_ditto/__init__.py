"""Secure inference in SPU with the ring each dtype needs. Importing this package teaches `spu.compile` ring policies.

    import spu, spu_ditto

    secure = spu.compile(model_fn, ring_policy="ditto")   # traced per shape on first call, like jax.jit
    weights = secure.share(params)                        # shared once, a handle for every later call
    logits = secure(weights, input_ids)                   # three parties inside this process
    lowered = secure.lower(params, input_ids)             # jax.stages conventions
    print(lowered.as_text("ring"), lowered.cost_analysis())
    with spu_ditto.processes():                           # three processes instead
        logits = secure(weights, input_ids)
    spu_ditto.pipeline("text-classification", directory)("What a day!")   # from a text to its label

Arguments are secret unless `input_visibility` says "public".
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import numbers
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import spu

from ditto.parties.connect import connect
from ditto.parties.cost import CostAnalysis
from ditto.parties.local import processes
from ditto.parties.run_report import RunReport
from ditto.parties.runtime import Runtime, current_runtime, use_runtime
from ditto.parties.simulator import Simulator
from ditto.parties.wire import version
from ditto.policy.link import LAN, WAN, Link, get_link
from ditto.policy.plan import HEADROOM, MOST_HEADROOM, Plan
from spu_ditto.compiled import Compiled
from spu_ditto.errors import (
    CompileError,
    DittoError,
    PolicyError,
    RangeError,
    RuntimeFailure,
    ShapeError,
    ShapeWarning,
    UnsupportedError,
)
from spu_ditto.handle import SharedArray, share
from spu_ditto.kept import KeptArray, reveal
from spu_ditto.lowered import Lowered
from spu_ditto.lowering import FractionBits, get_policy
from spu_ditto.publish import publish
from spu_ditto.reports.divergence import Divergence, divergence
from spu_ditto.reports.html import report
from spu_ditto.stages import SecureFunction, Traced, from_pphlo
from spu_ditto.tracebacks import ends_here

__all__ = [
    "LAN",
    "WAN",
    "CompileError",
    "Compiled",
    "CostAnalysis",
    "DittoError",
    "Divergence",
    "KeptArray",
    "Lowered",
    "Link",
    "Plan",
    "PolicyError",
    "RangeError",
    "RunReport",
    "Runtime",
    "RuntimeFailure",
    "SecureFunction",
    "ShapeError",
    "ShapeWarning",
    "SharedArray",
    "Simulator",
    "Traced",
    "UnsupportedError",
    "compile",
    "connect",
    "current_runtime",
    "divergence",
    "from_pphlo",
    "load",
    "pipeline",
    "processes",
    "publish",
    "report",
    "reveal",
    "share",
    "use_runtime",
]

load = Compiled.load
__version__ = version()


def pipeline(*args: Any, **kwargs: Any) -> Any:
    """From a text or a picture to an answer, see `spu_ditto.pipelines.pipeline`; needs the extra `models`."""
    from spu_ditto import pipelines

    return pipelines.pipeline(*args, **kwargs)


@ends_here
def compile(
    fn: Callable[..., Any] | None = None,
    *,
    ring_policy: str | Path | Plan = "ditto",
    fraction_bits: FractionBits = None,
    input_visibility: Any = None,
    static_argnums: int | Sequence[int] = (),
    static_argnames: str | Sequence[str] = (),
    calibration: Sequence[tuple[Any, ...]] = (),
    headroom: float = HEADROOM,
    ranges: Mapping[str, float] | None = None,
    guard: Literal["on", "off"] = "on",
    network: str | Link = "LAN",
) -> Any:
    """Makes a JAX function run on shares.

    Args:
        fn: takes and returns pytrees of arrays. Without it the rest makes a decorator:
            `@spu.compile(ring_policy="ditto")`.
        ring_policy: "ditto" (the dtype of a value decides its ring), "fm64" (all in 64-bit rings), or a plan from an
            earlier calibration (`Lowered.plan`), or the path of its `.json` file; a ShapeWarning tells if that was for
            arguments of other shapes.
        fraction_bits: of activations; one number, or a map, by default {"FM32": 8, "FM64": 18}.
        input_visibility: None (all secret), "secret", "public", a sequence of these, one per argument by position, or
            a mapping by name: {"mask": "public"}.
        static_argnums, static_argnames: arguments that are no arrays, by position or name; hashable, compiled in. As
            with `jax.jit` either tells the other.
        calibration: sample arguments, one tuple per sample, of the shapes of the calls. The function is run on them in
            plain, here, and every value gets a scale and a range by what it was; a call whose arguments leave theirs
            raises RangeError. The plan shows the magnitudes of samples and weights.
        headroom: how many times the largest magnitude of the samples a value may have.
        ranges: the largest magnitude of single arguments, by name (as in errors and `Argument.name`: "x", "params/w").
            By default a float16 is any, a float32 is below 2^26. A call beyond the next power of two raises RangeError.
            They prevail over calibration and plans.
        guard: "on" has the parties check what is not proven of ranges, and withhold a result that rests on a value out
            of its range (RangeError); "off" saves what that costs, and wrong numbers are then possible.
        network: "LAN" (5 Gbit/s, 0.4 ms), "WAN" (400 Mbit/s, 40 ms), or any other as "400mbit,40ms" or a `Link`: where
            bits can be traded for rounds, the one that takes longer there is saved.

    Returns:
        A `SecureFunction`, or without `fn` what makes one of a function.

    Raises:
        PolicyError: there is no such policy, an option is none, or out of its range; names it and what it may be.
        UnsupportedError: there is no network of this name.
    """
    if fn is None:
        options = {name: value for name, value in locals().items() if name != "fn"}
        return functools.partial(compile, **options)
    if not callable(fn):
        raise UnknownOption(f"spu.compile with a ring_policy takes a function, not a {type(fn).__name__}")
    if guard not in ("on", "off"):
        raise PolicyError(f'guard is "on" or "off", not {guard!r}')
    if not (_is_number(headroom) and 1 <= headroom < MOST_HEADROOM):
        raise PolicyError(f"headroom {headroom!r} is not a factor of at least 1")
    if not isinstance(ranges, Mapping | None):
        raise PolicyError(f'ranges is a map of magnitudes by argument, such as {{"x": 10}}, not {ranges!r}')
    for name, size in (ranges or {}).items():
        if not (_is_number(size) and 0 < size < 2.0**44):
            raise PolicyError(f"ranges[{name!r}] = {size!r} is not a magnitude between 0 and 2^44")
    policy = dataclasses.replace(
        get_policy(ring_policy, fraction_bits),
        guard=guard == "on",
        ranges=dict(ranges or {}),
        link=get_link(network),
    )
    if not (isinstance(calibration, Sequence) and all(isinstance(sample, tuple) for sample in calibration)):
        raise PolicyError("calibration is a sequence of tuples, one per sample, of all arguments: [(params, x), ...]")
    if calibration and policy.plan is not None:
        raise PolicyError("a plan is calibrated already; leave calibration out, or name a policy")
    return SecureFunction(fn, policy, input_visibility, static_argnums, calibration, headroom, static_argnames)


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


class UnknownOption(PolicyError, TypeError):
    """An argument that `spu.compile` does not take, or not without a ring policy."""


_OPTIONS = tuple(inspect.signature(compile).parameters)[1:]


def _teach(spu_compile: Callable[..., Any]) -> Callable[..., Any]:
    """Wraps `spu.compile`: with `ring_policy` it is ours, without it is SPU's own."""

    @ends_here
    @functools.wraps(spu_compile)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if "ring_policy" not in kwargs:
            own = [name for name in kwargs if name in _OPTIONS]
            if own or (args and callable(args[0])):
                said = f"takes {own[0]} with a ring_policy only" if own else "takes a function with a ring_policy only"
                raise UnknownOption(f'spu.compile {said}: add ring_policy="ditto"; SPU\'s own takes source and copts')
            return spu_compile(*args, **kwargs)
        unknown = [name for name in kwargs if name not in ("fn", *_OPTIONS)]
        if unknown or len(args) > 1:
            given = f"the argument {unknown[0]!r}" if unknown else f"{len(args)} arguments by position"
            raise UnknownOption(
                f"spu.compile with a ring_policy does not take {given}; it takes a function and {', '.join(_OPTIONS)}"
            )
        return compile(*args, **kwargs)

    wrapper.__spu_ditto__ = True  # type: ignore[attr-defined]
    return wrapper


# Reloading this module must not wrap the wrapper.
if not hasattr(spu.compile, "__spu_ditto__"):
    spu.compile = _teach(spu.compile)
