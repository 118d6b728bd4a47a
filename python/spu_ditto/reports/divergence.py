"""Where a secure run leaves the function it computes: its error and its ranges, layer by layer.

The ring program is evaluated twice. The engine runs it among three simulated parties with the values that pass from
layer to layer as further outputs, and `ditto.interpreter.exact` runs it on real numbers, where nothing is rounded and
nothing wraps. A value of the one corresponds to the same value of the other. What the passes themselves changed shows
in the results, which are compared with SPU's program, evaluated in float64.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from ditto.analysis.look_through import has_any
from ditto.dialects import ring
from ditto.dialects.dense import Array
from ditto.dialects.traits import Adds, Rearranges, Rescales
from ditto.encoding import ValueType
from ditto.interpreter.exact import evaluate_exactly
from ditto.parties.program import Binding
from ditto.parties.runtime import use_runtime
from ditto.parties.simulator import Simulator
from spu_ditto.compiled import Compiled
from spu_ditto.errors import UnsupportedError
from spu_ditto.handle import SharedArray
from spu_ditto.lowering import FractionBits, get_policy
from spu_ditto.plain_run import main_inputs, ring_module
from spu_ditto.stages import SecureFunction
from spu_ditto.tracebacks import ends_here


@dataclass(frozen=True)
class Deviation:
    """How far an array is from what it should be; of several arrays, the one with the largest relative error.

    Attributes:
        max_error: the largest difference.
        largest: the largest magnitude it should have.
        relative_error: the former by the latter.
    """

    max_error: float
    largest: float
    relative_error: float


@dataclass(frozen=True)
class LayerDivergence:
    """One layer of a secure run.

    Attributes:
        name: as in `CostAnalysis.layers`.
        deviation: of the values that leave the layer, or of the sums they are terms of; None if all are bits.
        headroom_bits: how much larger, in bits, values could be before one leaves the range that the compiler assumes
            of it; negative if one does, None if nothing was assumed.
        out_of_range: the first operation whose result leaves its range, and by how much.
    """

    name: str
    deviation: Deviation | None
    headroom_bits: float | None
    out_of_range: str | None


@dataclass(frozen=True)
class Divergence:
    """A secure run beside the same computation in real numbers.

    Attributes:
        layers: in the order of the program.
        result: of the function's results, against the function in float64.
        tolerance: the largest relative error that is no failure.
    """

    layers: tuple[LayerDivergence, ...] = field(repr=False)
    result: Deviation
    tolerance: float

    @property
    def first_beyond_tolerance(self) -> LayerDivergence | None:
        """The first layer whose relative error is larger than the tolerance (or no number)."""
        return next((layer for layer in self.layers if self._fails(layer.deviation)), None)

    @property
    def first_out_of_range(self) -> LayerDivergence | None:
        """The first layer with a value outside the range that the compiler assumes of it."""
        return next((layer for layer in self.layers if layer.out_of_range), None)

    @property
    def verdict(self) -> str:
        """What failed first, in one sentence."""
        reasons = []
        if ranged := self.first_out_of_range:
            reasons.append(f"{ranged.name or 'a layer without name'}: {ranged.out_of_range}")
        if (beyond := self.first_beyond_tolerance) and beyond.deviation:
            reasons.append(
                f"{beyond.name or 'a layer without name'} is the first beyond the tolerance of {self.tolerance:.2g}: "
                f"its error is {beyond.deviation.relative_error:.2g} of its largest value"
            )
        elif self._fails(self.result):
            reasons.append(f"the result is off by {self.result.relative_error:.2g} of its largest value")
        return "; ".join(reasons) or f"Every layer is within its ranges and a tolerance of {self.tolerance:.2g}."

    @property
    def ok(self) -> bool:
        """Whether all layers are within their ranges and, like the result, within the tolerance."""
        return not (self.first_beyond_tolerance or self.first_out_of_range or self._fails(self.result))

    def _fails(self, deviation: Deviation | None) -> bool:
        # NaN fails every comparison, hence "not within".
        return deviation is not None and not deviation.relative_error <= self.tolerance

    def __str__(self) -> str:
        lines = [f"{'layer':32} {'max error':>12} {'relative':>10} {'largest':>12} {'headroom':>10}"]
        for layer in self.layers:
            mark = " <- out of range" if layer.out_of_range else ""
            mark += " <- beyond tolerance" if self._fails(layer.deviation) else ""
            headroom = "" if layer.headroom_bits is None else f"{layer.headroom_bits:.1f} bits"
            lines.append(f"{layer.name:32} {_row(layer.deviation)} {headroom:>10}{mark}")
        return "\n".join([*lines, f"{'result':32} {_row(self.result)}", self.verdict])

    def to_json(self) -> dict[str, Any]:
        """A JSON-serialisable description."""
        return {
            **{name: _finite(value) for name, value in dataclasses.asdict(self).items()},
            "verdict": self.verdict,
            "ok": self.ok,
        }


def _row(deviation: Deviation | None) -> str:
    if deviation is None:
        return " " * 36
    return f"{deviation.max_error:12.3g} {deviation.relative_error:10.2g} {deviation.largest:12.4g}"


def _finite(value: Any) -> Any:
    """JSON has no infinity and no NaN: the largest float stands for both."""
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, tuple):
        return [_finite(inner) for inner in value]
    return 1e308 if isinstance(value, float) and not math.isfinite(value) else value


@ends_here
def divergence(
    fn: Callable[..., Any],
    args: Sequence[Any],
    *,
    ring_policy: str = "ditto",
    fraction_bits: FractionBits = None,
    input_visibility: Any = None,
    tolerance: float = 0.05,
) -> Divergence:
    """Runs a function securely and in real numbers, side by side, and compares what leaves each layer.

    The parties are simulated in this process: intermediate values are revealed to it.

    Args:
        fn, ring_policy, fraction_bits, input_visibility: as in `spu_ditto.compile`.
        args: the function's arguments, arrays.
        tolerance: largest error of a layer by the largest magnitude in it.

    Returns:
        A table when printed; `report(..., divergence=...)` draws it.

    Raises:
        UnsupportedError: an argument is a handle, whose array stays with it.
        DittoError: as calling `spu_ditto.compile(fn)(*args)`.
    """
    if any(isinstance(leaf, SharedArray) for leaf in jax.tree_util.tree_leaves(args)):
        raise UnsupportedError("divergence needs the arrays themselves; give it what `share` was given")
    lowered = SecureFunction(fn, get_policy(ring_policy, fraction_bits), input_visibility).lower(*args)
    compiled = lowered.compile()
    leaves = [np.asarray(leaf) for leaf in compiled.signature.leaves(tuple(args))]
    module = ring_module(compiled.program.ring)
    watched = _watched(module)
    secure, results = _run(compiled, module, list(watched), args)
    inputs = main_inputs(compiled.program, leaves, compiled.public_part(leaves))
    layers = _compared(module, inputs, watched, dict(zip(watched, secure, strict=True)))
    ideal = lowered.exactly(leaves)
    return Divergence(layers, _deviation(list(zip(results, ideal, strict=True))), tolerance)


def _operations(module: ModuleOp) -> list[ring.RingOp]:
    """Those the engine has, in its order; encodings and constants are the caller's."""
    block = ring.main(module).body.block
    return [op for op in block.ops if isinstance(op, ring.RingOp) and not ring.is_public(op.result)]


def _layer(op: ring.RingOp) -> str:
    return str(op.get("layer", ""))


def _watched(module: ModuleOp) -> dict[SSAValue, list[str]]:
    """The numbers that leave a layer, for another one or as results, and the layers they speak for."""
    watched: dict[SSAValue, list[str]] = {}
    for op in _operations(module):
        users = (use.operation for use in op.result.uses)
        leaves = any(not isinstance(user, ring.RingOp) or _layer(user) != _layer(op) for user in users)
        if leaves and ring.is_fxp(op.result):
            for value in _sums(op.result):
                layers = watched.setdefault(value, [])
                if _layer(op) not in layers:
                    layers.append(_layer(op))
    return watched


def _sums(value: SSAValue) -> list[SSAValue]:
    """A value, or the sums it goes into if that is all that happens to it: what matters of a term is its sum."""
    users = [use.operation for use in value.uses]
    if users and all(has_any(user, Adds, Rearranges, Rescales) for user in users):
        return [inner for user in users for inner in _sums(user.results[0])]
    return [value]


def _run(
    compiled: Compiled, module: ModuleOp, watched: Sequence[SSAValue], args: Sequence[Any]
) -> tuple[list[Array], list[Array]]:
    """The watched values and the results of a secure run, in real numbers."""
    program, signature = compiled.program, compiled.signature
    engine = unguarded(json.loads(program.engine))
    ids: dict[SSAValue, int] = {
        op.result: entry["out"][0] for op, entry in zip(_operations(module), engine["ops"], strict=True)
    }
    count = len(engine["outputs"])
    engine["outputs"] += [ids[value] for value in watched]
    types = [ValueType("fxp", ring.shape(value), ring.width(value), ring.fraction(value)) for value in watched]
    bindings = tuple(Binding("program", count + n, type) for n, type in enumerate(types))
    shown = dataclasses.replace(program, engine=json.dumps(engine), outputs=(*bindings, *program.outputs))
    outputs = (*(jax.ShapeDtypeStruct(type.shape, np.float64) for type in types), *signature.outputs)
    tree = jax.tree_util.tree_structure([0] * len(outputs))
    described = dataclasses.replace(signature, out_tree=tree, outputs=outputs)
    with use_runtime(Simulator()):
        revealed = Compiled(described, shown)(*args)
    return revealed[: len(watched)], revealed[len(watched) :]


def unguarded(engine: dict[str, Any]) -> dict[str, Any]:
    """An engine program that looks at no ranges: which values leave theirs is to be shown, not refused."""
    ops = [
        {**op, "op": "reshape", "in": op["in"][:1], "attrs": {}} if op["op"].startswith("require_") else op
        for op in engine["ops"]
    ]
    return {**engine, "ops": ops}


def _compared(
    module: ModuleOp, inputs: Sequence[Array], watched: dict[SSAValue, list[str]], secure: dict[SSAValue, Array]
) -> tuple[LayerDivergence, ...]:
    pairs: dict[str, list[tuple[Array, Array]]] = {}
    headroom: dict[str, float] = {}
    outside: dict[str, str] = {}

    def observe(op: ring.RingOp, scaled: Array) -> None:
        if ring.is_public(op.result):
            return
        layer, bits = _layer(op), op.get("range")
        pairs.setdefault(layer, [])
        if ring.is_fxp(op.result) and bits is not None and not op.get("modular"):
            largest = float(np.max(np.abs(scaled), initial=0.0))
            spare = bits - math.log2(largest) if largest else float(bits)
            headroom[layer] = min(spare, headroom.get(layer, spare))
            if largest >= 2.0**bits and layer not in outside:
                unit = 2.0 ** -ring.fraction(op.result)
                outside[layer] = f"{op.name} gives {largest * unit:g}, outside its range of {2.0**bits * unit:g}"
        for spoken_for in watched.get(op.result, ()):
            pairs[spoken_for].append((secure[op.result], np.ldexp(scaled, -ring.fraction(op.result))))

    evaluate_exactly(module, inputs, observe)
    return tuple(
        LayerDivergence(name, _deviation(found) if found else None, headroom.get(name), outside.get(name))
        for name, found in pairs.items()
    )


def _deviation(pairs: Sequence[tuple[Array, Array]]) -> Deviation:
    """Of pairs of what is and what should be."""
    found = [Deviation(0.0, 0.0, 0.0)]
    for actual, ideal in pairs:
        target = np.asarray(ideal, np.float64)
        with np.errstate(all="ignore"):
            error = float(np.max(np.abs(np.asarray(actual, np.float64) - target), initial=0.0))
        magnitude = float(np.max(np.abs(target), initial=0.0))
        found.append(Deviation(error, magnitude, error / magnitude if magnitude else error))
    # Errors that are no numbers are the worst.
    return max(found, key=lambda d: math.inf if math.isnan(d.relative_error) else d.relative_error)
