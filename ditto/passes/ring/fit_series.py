"""Reciprocals and roots of numbers of a short range by a Fourier series, where rounds are worth its bits.

    %1 = ring.rsqrt %0 {lo = -2, hi = 1} : (tensor<4x!ring.fxp<64, 18>>) -> tensor<4x!ring.fxp<64, 14>>
becomes
    %1 = ring.rsqrt %0 {lo = -2, hi = 1, series = [c_0, a_1, b_1, ...], table_bits = 17, dealt_bits = 13} ...

which takes one round in the place of four or five (series.h). A series on n powers of two has about 2^n terms, each of
which is two dealt numbers for every element: it pays for the few numbers that a layer norm has, on slow networks also
for the sums of a softmax.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from ditto.analysis.domains import POWERS
from ditto.analysis.intervals import ARGUMENT_RANGES, noted_range
from ditto.analysis.kernel_table import describe, landing, up_cast
from ditto.analysis.series import power_series
from ditto.dialects import ring
from ditto.passes.ring_rewriting import every
from ditto.policy.link import LAN, Link


def _price(op: ring.RingOp, operand: int, link: Link) -> float:
    """What it takes, as bits on the network: to widen an operand of |integer| < 2^operand, and the protocol."""
    made = landing(describe(op, {0: operand}), op.get("range") + 2)
    if made.bits is None:
        return math.inf
    elements = math.prod(ring.shape(op.arguments[0]))
    wider = up_cast(elements, operand + 2, max(made.needs[0], operand + 2))
    return (wider.bits or 0) + made.bits + (wider.rounds + made.rounds) * link.round_bits


@dataclass(frozen=True)
class FitSeries(ModulePass):
    """`link` is the network among the parties, which decides what a round is worth."""

    name = "fit-series"
    link: Link = LAN

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        function = ring.main(op)
        arguments = ring.plain(function.attributes[ARGUMENT_RANGES])
        for kind, power in POWERS.items():
            for inner in every(function, kind):
                self._fit(inner, power, noted_range(inner.arguments[0], arguments))

    def _fit(self, op: ring.RingOp, power: float, operand: int) -> None:
        series = power_series(power, op.get("lo"), op.get("hi"), ring.fraction(op.result))
        if series is None:
            return
        before = _price(op, operand, self.link)
        attributes = {
            "series": list(series.coefficients),
            "table_bits": series.table_bits,
            "dealt_bits": series.dealt_bits,
        }
        op.attributes.update({name: ring.attribute(value) for name, value in attributes.items()})
        if _price(op, operand, self.link) >= before:
            for name in attributes:
                del op.attributes[name]
