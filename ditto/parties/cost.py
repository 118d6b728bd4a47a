"""What a program will cost: bytes and rounds as the protocols declare them, and computing as tried out here."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from ditto import _core
from ditto.parties.accounting import threads_of_a_local_party
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
    """What one execution will send, known before running it. Equal to the metered bytes and rounds.

    Attributes:
        programs: that are executed, and how often.
    """

    offline_bytes: int
    online_bytes: int
    rounds: int
    operations: tuple[CostLine, ...] = field(repr=False)
    layers: tuple[CostLine, ...] = field(repr=False)
    programs: tuple[tuple[RingProgram, int], ...] = field(default=(), repr=False, compare=False)

    @property
    def total_bytes(self) -> int:
        """Bytes of all parties together, offline and online."""
        return self.offline_bytes + self.online_bytes

    def seconds(self, network: str | Link = "LAN") -> float:
        """An execution by three parties on this machine with such links between them, P0's part included.

        P0 -> P2 (the offline stream), P1 -> P2 and P2 -> P1 (half of the online bytes each) are links of their own and
        carry their bytes at once. P1 and P2 send at once, so a round takes half a round trip beside its bytes. P0 deals
        while they compute, on processors that are half P1's and half P2's. Computing is tried out by the first call, on
        this machine as busy as it is: every kind of operation runs here on made-up shares, for up to some seconds.

        Args:
            network: "LAN" (5 Gbit/s, 0.4 ms), "WAN" (400 Mbit/s, 40 ms), "100mbit,10ms" or a `Link`.

        Raises:
            UnsupportedError: there is no such network.
        """
        link = get_link(network)
        dealing, computing = self._computing()
        stream = max(self._streaming(link), dealing + link.one_way_seconds)
        return max(stream, self._exchanging(link) + computing + dealing / 2)

    def online_seconds(self, network: str | Link = "LAN") -> float:
        """The same of P1 and P2 once P0's stream is there; see `seconds`."""
        return self._exchanging(get_link(network)) + self._computing()[1]

    def network_seconds(self, network: str | Link = "LAN") -> float:
        """What the network takes of an execution, of which nothing is computed; see `seconds`."""
        link = get_link(network)
        return max(self._streaming(link), self._exchanging(link))

    def _streaming(self, link: Link) -> float:
        return 8 * self.offline_bytes / link.bits_per_second + link.one_way_seconds if self.offline_bytes else 0.0

    def _exchanging(self, link: Link) -> float:
        return 8 * self.online_bytes / 2 / link.bits_per_second + self.rounds * link.one_way_seconds

    def _computing(self) -> tuple[float, float]:
        """Seconds of P0, and of P1 and P2 at once."""
        tried = [(times, *_tried_out(program)) for program, times in self.programs]
        return sum(times * dealing for times, dealing, _ in tried), sum(times * online for times, _, online in tried)

    def __add__(self, other: CostAnalysis) -> CostAnalysis:
        """Of one execution after the other."""
        return CostAnalysis(
            self.offline_bytes + other.offline_bytes,
            self.online_bytes + other.online_bytes,
            self.rounds + other.rounds,
            _joined(self.operations, other.operations),
            _joined(self.layers, other.layers),
            self.programs + other.programs,
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
        return CostAnalysis(*sums, operations, layers, tuple((program, times * n) for program, n in self.programs))

    def to_dict(self) -> dict[str, Any]:
        """All numbers, for JSON: bytes of all parties, rounds, and lists of what each operation and layer takes."""
        return {
            "offline_bytes": self.offline_bytes,
            "online_bytes": self.online_bytes,
            "total_bytes": self.total_bytes,
            "rounds": self.rounds,
            "operations": [asdict(row) for row in self.operations],
            "layers": [asdict(row) for row in self.layers],
        }

    def to_frame(self, by: Literal["operation", "layer"] = "operation") -> Any:
        """A pandas DataFrame of what each operation or layer takes, the dearest first; needs pandas."""
        import pandas

        rows = _dearest_first(self.operations if by == "operation" else self.layers)
        frame = pandas.DataFrame([asdict(row) for row in rows]).set_index("name")
        frame["share"] = (frame["offline_bytes"] + frame["online_bytes"]) / max(self.total_bytes, 1)
        return frame

    def __str__(self) -> str:
        lines = [f"{'':26} {'bytes':>6} {'count':>6} {'offline':>14} {'online':>14} {'rounds':>7}"]
        for title, rows in (("operation", self.operations), ("layer", self.layers)):
            lines.append(f"by {title}, the dearest first:")
            for r in _dearest_first(rows):
                share = f"{100 * (r.offline_bytes + r.online_bytes) / max(self.total_bytes, 1):.1f} %"
                numbers = f"{share:>6} {r.count:6} {r.offline_bytes:14,} {r.online_bytes:14,} {r.rounds:7}"
                lines.append(f"  {r.name:24} {numbers}")
        lines.append(f"total: {self.offline_bytes:,} bytes offline, {self.online_bytes:,} online, {self.rounds} rounds")
        lan, wan = self.network_seconds(LAN), self.network_seconds(WAN)
        lines.append(f"on the network alone: {lan:.3f} s in a LAN, {wan:.3f} s in a WAN")
        return "\n".join(lines)


def _dearest_first(rows: Sequence[CostLine]) -> list[CostLine]:
    return sorted(rows, key=lambda row: (-row.offline_bytes - row.online_bytes, -row.rounds))


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
    return CostAnalysis(cost["offline"], cost["online"], cost["rounds"], operations, layers, ((program, 1),))


_known: weakref.WeakKeyDictionary[RingProgram, tuple[float, float]] = weakref.WeakKeyDictionary()


def _tried_out(program: RingProgram) -> tuple[float, float]:
    """What the parties compute of a program, as `_core.Program.rehearse` tells it."""
    if program not in _known:
        _core.set_threads(threads_of_a_local_party())
        _known[program] = _core.Program(program.engine, program.constants).rehearse()
    return _known[program]
