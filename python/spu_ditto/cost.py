"""What a program will cost, from the costs that the protocols declare."""

from __future__ import annotations

from dataclasses import dataclass

from ditto import _core
from spu_ditto.program import RingProgram


@dataclass(frozen=True)
class CostLine:
    """Predicted cost of one kind of operation or one layer: bytes summed over all parties, and rounds of its own."""

    name: str
    count: int
    offline_bytes: int
    online_bytes: int
    rounds: int


@dataclass(frozen=True)
class CostAnalysis:
    """What one execution will send, known before running it. Equal to the metered bytes and rounds."""

    offline_bytes: int
    online_bytes: int
    rounds: int
    operations: tuple[CostLine, ...]
    layers: tuple[CostLine, ...]

    @property
    def total_bytes(self) -> int:
        """Bytes of all parties together, offline and online."""
        return self.offline_bytes + self.online_bytes

    def __str__(self) -> str:
        lines = [f"{'':40} {'count':>7} {'offline':>14} {'online':>14} {'rounds':>7}"]
        for title, rows in (("operation", self.operations), ("layer", self.layers)):
            lines.append(f"by {title}:")
            lines += [
                f"  {r.name:38} {r.count:7} {r.offline_bytes:14,} {r.online_bytes:14,} {r.rounds:7}" for r in rows
            ]
        lines.append(f"total: {self.offline_bytes:,} bytes offline, {self.online_bytes:,} online, {self.rounds} rounds")
        return "\n".join(lines)


def cost_analysis(program: RingProgram) -> CostAnalysis:
    """What one execution will send, without running it."""
    cost = _core.Program(program.engine, program.constants).cost()
    operations, layers = (
        tuple(CostLine(name, count, offline, online, rounds) for name, count, _, offline, online, rounds in lines)
        for lines in (cost["operations"], cost["layers"])
    )
    return CostAnalysis(cost["offline"], cost["online"], cost["rounds"], operations, layers)
