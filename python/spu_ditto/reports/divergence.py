"""Where a secure run leaves the function it computes: its error and its ranges, layer by layer.

The program is run beside itself on real numbers (`side_by_side.py`). What the passes themselves changed shows in the
results, which are compared with SPU's program, evaluated in float64.
"""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax

from ditto.parties.runtime import use_runtime
from ditto.parties.simulator import Simulator
from ditto.policy.link import Link
from ditto.policy.plan import HEADROOM, Plan
from spu_ditto.errors import UnsupportedError
from spu_ditto.handle import SharedArray
from spu_ditto.lowering import FractionBits
from spu_ditto.reports.side_by_side import Error, SideBySide
from spu_ditto.reports.source_lines import Line
from spu_ditto.tracebacks import ends_here

UNKNOWN = "a line that is not known"


@dataclass(frozen=True)
class Place:
    """Where a value is made.

    Attributes:
        operation: that of the program.
        line: of the function's or the model's code; None where it is not known.
    """

    operation: str
    line: Line | None

    def __str__(self) -> str:
        return f"{self.operation} at {self.line or UNKNOWN}"


@dataclass(frozen=True)
class Deviation:
    """How far an array is from what it should be; of several arrays, the one with the largest relative error.

    Attributes:
        max_error: the largest difference in any sample.
        largest: the largest magnitude it should have in that sample.
        relative_error: the former by the latter; the largest of the samples'.
        mean_relative_error: that of the same array, on average over the samples.
        place: where the array is made; None of the results.
    """

    max_error: float
    largest: float
    relative_error: float
    mean_relative_error: float
    place: Place | None = field(default=None, repr=False)


@dataclass(frozen=True)
class LayerDivergence:
    """One layer of a secure run.

    Attributes:
        name: as in `CostAnalysis.layers`.
        deviation: of the values that leave the layer, or of the sums they are terms of; None if all are bits.
        headroom_bits: how much larger, in bits, values could be before one leaves the range that the compiler assumes
            of it; negative if one does, None if nothing was assumed. The least of all samples.
        out_of_range: the first operation whose result leaves its range, by how much, and its line.
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
        samples: how many there were.
        tolerance: the largest relative error that is no failure.
    """

    layers: tuple[LayerDivergence, ...] = field(repr=False)
    result: Deviation
    samples: int = field(repr=False)
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
                f"its error is {beyond.deviation.relative_error:.2g} of its largest value, in {beyond.deviation.place}"
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
        lines = [f"{'layer':22} {'max error':>11} {'relative':>9} {'mean':>9} {'largest':>11} {'headroom':>10}"]
        for layer in self.layers:
            mark = " <- out of range" if layer.out_of_range else ""
            mark += " <- beyond tolerance" if self._fails(layer.deviation) else ""
            headroom = "" if layer.headroom_bits is None else f"{layer.headroom_bits:.1f} bits"
            lines.append(f"{layer.name:22} {_row(layer.deviation)} {headroom:>10}{mark}")
            if layer.deviation is not None:
                lines.append(f"    {layer.deviation.place}")
        return "\n".join([*lines, f"{'result':22} {_row(self.result)}", self.verdict])

    def to_json(self) -> dict[str, Any]:
        """A JSON-serialisable description."""
        return {
            **{name: _finite(value) for name, value in dataclasses.asdict(self).items()},
            "verdict": self.verdict,
            "ok": self.ok,
        }


def _row(deviation: Deviation | None) -> str:
    if deviation is None:
        return " " * 43
    errors = f"{deviation.max_error:11.3g} {deviation.relative_error:9.2g} {deviation.mean_relative_error:9.2g}"
    return f"{errors} {deviation.largest:11.4g}"


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
    *samples: Sequence[Any],
    ring_policy: str | Path | Plan = "ditto",
    fraction_bits: FractionBits = None,
    input_visibility: Any = None,
    calibration: Sequence[tuple[Any, ...]] = (),
    headroom: float = HEADROOM,
    ranges: Mapping[str, float] | None = None,
    network: str | Link = "LAN",
    tolerance: float = 0.05,
) -> Divergence:
    """Runs a function securely and in real numbers, side by side, and compares what leaves each layer.

    The parties are simulated in this process: intermediate values are revealed to it. No range is guarded: which values
    leave theirs is told.

    Args:
        fn, ring_policy, fraction_bits, input_visibility, calibration, headroom, ranges, network: as in
            `spu_ditto.compile`, so that the program is the one that it makes.
        samples: the function's arguments, arrays, once or several times; all of the same shapes.
        tolerance: largest error of a layer by the largest magnitude in it.

    Returns:
        A table when printed; `report(..., divergence=...)` draws it.

    Raises:
        UnsupportedError: there is no sample; an argument is a handle, whose array stays with it; samples have other
            public arguments, by which the parties do something else.
        DittoError: as calling `spu_ditto.compile(fn)(*args)`.
    """
    # It offers this function, too.
    import spu_ditto

    if not samples:
        raise UnsupportedError("divergence needs a sample: the function's arguments, as divergence(fn, (params, x))")
    if any(isinstance(leaf, SharedArray) for leaf in jax.tree_util.tree_leaves(samples)):
        raise UnsupportedError("divergence needs the arrays themselves; give it what `share` was given")
    secure = spu_ditto.compile(
        fn,
        ring_policy=ring_policy,
        fraction_bits=fraction_bits,
        input_visibility=input_visibility,
        calibration=calibration,
        headroom=headroom,
        ranges=ranges,
        network=network,
    )
    compared = SideBySide(secure.trace(*samples[0]))
    with use_runtime(Simulator()):
        for sample in samples:
            compared.add(tuple(sample))
    return Divergence(
        _layers(compared), _worst([(errors, None) for errors in compared.results]), len(samples), tolerance
    )


def _layers(compared: SideBySide) -> tuple[LayerDivergence, ...]:
    layers = []
    for name, ranges in compared.layers.items():
        errors = [
            (found.errors, Place(found.operation, compared.line(value)))
            for value, found in compared.values.items()
            if name in found.layers
        ]
        outside = None
        if ranges.outside is not None:
            value, words = ranges.outside
            outside = f"{words}, at {compared.line(value) or UNKNOWN}"
        layers.append(LayerDivergence(name, _worst(errors) if errors else None, ranges.headroom, outside))
    return tuple(layers)


def _worst(arrays: Iterable[tuple[Sequence[Error], Place | None]]) -> Deviation:
    """Of arrays, each with its errors in the samples and its place."""
    found = []
    for errors, place in arrays:
        worst = max(errors, key=lambda error: error.rank)
        mean = statistics.fmean(error.relative for error in errors)
        found.append(Deviation(worst.largest_error, worst.largest, worst.relative, mean, place))
    return max(found, key=lambda d: Error(d.max_error, d.largest).rank, default=Deviation(0.0, 0.0, 0.0, 0.0))
