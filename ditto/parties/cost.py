"""What a program will cost, from the costs that the protocols declare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ditto import _core
from ditto.parties.program import RingProgram
from ditto.policy.link import LAN, WAN, Link, get_link


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
    operations: tuple[CostLine, ...] = field(repr=False)
    layers: tuple[CostLine, ...] = field(repr=False)

    @property
    def total_bytes(self) -> int:
        """Bytes of all parties together, offline and online."""
        return self.offline_bytes + self.online_bytes

    def seconds(self, network: str | Link = "LAN") -> float:
        """What the network alone takes of an execution: 8 B / bandwidth + rounds * round-trip time.

        P0 -> P2 (the offline stream), P1 -> P2 and P2 -> P1 (half of the online bytes each) are links of their own and
        carry their bytes at once, so B is what the busiest of the three carries. Computing is not counted.

        Args:
            network: "LAN" (5 Gbit/s, 0.4 ms), "WAN" (400 Mbit/s, 40 ms), or any other as a `Link`.

        Raises:
            UnsupportedError: there is no network of this name.
        """
        link = get_link(network)
        busiest = max(self.offline_bytes, self.online_bytes / 2)
        return 8 * busiest / link.bits_per_second + self.rounds * link.round_trip_seconds

    def __add__(self, other: CostAnalysis) -> CostAnalysis:
        """Of one execution after the other."""
        return CostAnalysis(
            self.offline_bytes + other.offline_bytes,
            self.online_bytes + other.online_bytes,
            self.rounds + other.rounds,
            _joined(self.operations, other.operations),
            _joined(self.layers, other.layers),
        )

    def __mul__(self, times: int) -> CostAnalysis:
        """Of so many executions."""
        operations, layers = (
            tuple(
                CostLine(r.name, *(times * n for n in (r.count, r.offline_bytes, r.online_bytes, r.rounds)))
                for r in rows
            )
            for rows in (self.operations, self.layers)
        )
        sums = times * self.offline_bytes, times * self.online_bytes, times * self.rounds
        return CostAnalysis(*sums, operations, layers)

    def __str__(self) -> str:
        lines = [f"{'':40} {'count':>7} {'offline':>14} {'online':>14} {'rounds':>7}"]
        for title, rows in (("operation", self.operations), ("layer", self.layers)):
            lines.append(f"by {title}:")
            lines += [
                f"  {r.name:38} {r.count:7} {r.offline_bytes:14,} {r.online_bytes:14,} {r.rounds:7}" for r in rows
            ]
        lines.append(f"total: {self.offline_bytes:,} bytes offline, {self.online_bytes:,} online, {self.rounds} rounds")
        lines.append(f"on the network: {self.seconds(LAN):.3f} s in a LAN, {self.seconds(WAN):.3f} s in a WAN")
        return "\n".join(lines)


def _joined(rows: Sequence[CostLine], others: Sequence[CostLine]) -> tuple[CostLine, ...]:
    """Lines of the same name become one."""
    sums: dict[str, list[int]] = {}
    for row in (*rows, *others):
        numbers = row.count, row.offline_bytes, row.online_bytes, row.rounds
        sums[row.name] = [a + b for a, b in zip(sums.get(row.name, (0, 0, 0, 0)), numbers, strict=True)]
    return tuple(CostLine(name, *numbers) for name, numbers in sums.items())


def no_cost() -> CostAnalysis:
    """Of doing nothing."""
    return CostAnalysis(0, 0, 0, (), ())


def cost_analysis(program: RingProgram) -> CostAnalysis:
    """What one execution will send, without running it."""
    cost = _core.Program(program.engine, program.constants).cost()
    operations, layers = (
        tuple(CostLine(name, count, offline, online, rounds) for name, count, _, offline, online, rounds in lines)
        for lines in (cost["operations"], cost["layers"])
    )
    return CostAnalysis(cost["offline"], cost["online"], cost["rounds"], operations, layers)
