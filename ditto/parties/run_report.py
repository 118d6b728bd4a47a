"""What a run cost: bytes per party, rounds, seconds; also as SPU's profile lines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ditto.parties.program import RingProgram
from ditto.parties.trace import OpEvent, one_after_another, trace_events


@dataclass(frozen=True)
class OpProfile:
    """Executions of one kind of operation (or of one model layer): seconds as P1 spent them, bytes of all parties."""

    name: str
    count: int
    seconds: float
    offline_bytes: int
    online_bytes: int
    rounds: int


@dataclass(frozen=True)
class RunReport:
    """One execution by three parties, from shared inputs to shared results.

    Attributes:
        seconds: wall time, offline included.
        online_seconds: wall time of P1 and P2 with P0's stream already at P2; None where it was not measured apart.
        sent: bytes sent by P0, P1, P2. P0 sends offline, P1 and P2 online.
        rounds: online rounds.
        input_bytes: sent for sharing this call's arguments; handles shared before count nothing.
        conversions: runs of their own, before this one, in which the parties have converted kept results into what it
            takes; not counted in the rest.
        events: every operation at every party, P0's first, each party's in the order of the program.
        program: what ran.
        began: when the first party did, by its machine's clock, in seconds since 1970.
    """

    seconds: float
    online_seconds: float | None
    sent: tuple[int, int, int]
    rounds: int
    input_bytes: int
    operations: tuple[OpProfile, ...] = field(default=(), repr=False)
    layers: tuple[OpProfile, ...] = field(default=(), repr=False)
    peak_rss_bytes: int | None = None
    events: tuple[OpEvent, ...] = field(default=(), repr=False)
    program: RingProgram | None = field(default=None, repr=False)
    conversions: tuple[RunReport, ...] = field(default=(), repr=False)
    began: float = field(default=0.0, repr=False)

    @property
    def offline_bytes(self) -> int:
        """Bytes sent ahead, by P0, summed over all parties."""
        return self.sent[0]

    @property
    def online_bytes(self) -> int:
        """Bytes sent between P1 and P2, summed over all parties."""
        return self.sent[1] + self.sent[2]

    def to_json(self) -> dict[str, Any]:
        """A JSON-serialisable description, without events and program."""
        described = asdict(replace(self, events=(), program=None, conversions=()))
        del described["events"], described["program"]
        described["conversions"] = [conversion.to_json() for conversion in self.conversions]
        return {**described, "bytes": {"offline": self.offline_bytes, "online": self.online_bytes}}

    def save_trace(self, path: str | Path) -> None:
        """Writes what the parties did when for Perfetto (ui.perfetto.dev) and chrome://tracing; see `trace_events`."""
        Path(path).write_text(json.dumps({"traceEvents": trace_events(self.events), "displayTimeUnit": "ms"}))

    def profile_lines(self) -> list[str]:
        """One line per kind of operation, in the form SPU prints with `enable_hal_profile`."""
        return [
            f"- f_{op.name}, executed {op.count} times, duration {op.seconds:.6f}s, "
            f"send bytes {op.offline_bytes + op.online_bytes} recv bytes {op.offline_bytes + op.online_bytes}, "
            f"send actions {op.rounds}, recv actions {op.rounds}"
            for op in sorted(self.operations, key=lambda op: -op.seconds)
        ]


def total(reports: Sequence[RunReport]) -> RunReport:
    """Of runs one after the other; without a program, if there are several."""
    if len(reports) == 1:
        return reports[0]
    online = [report.online_seconds for report in reports]
    peaks = [report.peak_rss_bytes for report in reports if report.peak_rss_bytes is not None]
    p0, p1, p2 = (sum(report.sent[party] for report in reports) for party in range(3))
    return RunReport(
        seconds=sum(report.seconds for report in reports),
        online_seconds=None if None in online else sum(seconds for seconds in online if seconds is not None),
        sent=(p0, p1, p2),
        rounds=sum(report.rounds for report in reports),
        input_bytes=sum(report.input_bytes for report in reports),
        operations=_joined([report.operations for report in reports]),
        layers=_joined([report.layers for report in reports]),
        peak_rss_bytes=max(peaks, default=None),
        events=one_after_another([(report.events, report.seconds) for report in reports]),
        conversions=tuple(conversion for report in reports for conversion in report.conversions),
        began=min((report.began for report in reports), default=0.0),
    )


def _joined(tables: Sequence[Sequence[OpProfile]]) -> tuple[OpProfile, ...]:
    """Lines of the same name become one."""
    sums: dict[str, OpProfile] = {}
    for row in (row for table in tables for row in table):
        known = sums.get(row.name, OpProfile(row.name, 0, 0.0, 0, 0, 0))
        sums[row.name] = OpProfile(
            row.name,
            known.count + row.count,
            known.seconds + row.seconds,
            known.offline_bytes + row.offline_bytes,
            known.online_bytes + row.online_bytes,
            known.rounds + row.rounds,
        )
    return tuple(sums.values())
