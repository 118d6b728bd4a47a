"""What each party did when, as Chrome's trace events.

Source: "Trace Event Format", Google: complete events ("X"), flow events ("s" and "f"), counters ("C") and metadata
("M"), times in microseconds.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

ROLES = ("P0, deals", "P1, computes", "P2, computes")
# Who sends to whom in an operation: P0's stream, and what P1 and P2 open.
_LINKS = ((0, 2), (1, 2), (2, 1))
# Seconds; less is less than clocks resolve, and a slice of it holds no arrow.
_MOMENT = 1e-7


@dataclass(frozen=True)
class OpEvent:
    """One operation at one party: when it began, in seconds since the run did, how long it took, what the party sent.

    Operations of one group share their rounds and run at once at P1 and P2; each is given its part of their time, one
    after the other. Begins at different machines compare as well as their clocks do.
    """

    party: int
    name: str
    layer: str
    start: float
    seconds: float
    offline_bytes: int
    online_bytes: int
    rounds: int
    group: int

    @property
    def end(self) -> float:
        return self.start + self.seconds

    @property
    def sent(self) -> int:
        return self.offline_bytes + self.online_bytes


def one_after_another(runs: Iterable[tuple[Sequence[OpEvent], float]]) -> tuple[OpEvent, ...]:
    """The events of several runs, each with its seconds, as those of one."""
    joined = list[OpEvent]()
    began, groups = 0.0, 0
    for events, seconds in runs:
        joined += [replace(event, start=began + event.start, group=groups + event.group) for event in events]
        began += seconds
        groups = max((event.group + 1 for event in joined), default=0)
    return tuple(joined)


def trace_events(events: Sequence[OpEvent]) -> list[dict[str, Any]]:
    """A process a party, a slice an operation, an arrow a message's way, counters of bytes and rounds.

    An arrow leads from the first operation of a group that sends to one that waits for it; it tells who sent to whom,
    and not at which moment. Where clocks of machines differ so much that it would lead into the past it is left out.
    Counters go up at the end of the operation that has sent.
    """
    parties = [
        {"ph": "M", "pid": _process(n), "tid": _process(n), "name": kind, "args": {"name": role}}
        for n, role in enumerate(ROLES)
        for kind in ("process_name", "thread_name")
    ]
    return [*parties, *map(_slice, events), *_flows(events), *_counters(events)]


def _process(party: int) -> int:
    # Number 0 is the idle process of a kernel's trace.
    return party + 1


def _at(party: int, seconds: float) -> dict[str, Any]:
    return {"pid": _process(party), "tid": _process(party), "ts": _microseconds(seconds)}


def _microseconds(seconds: float) -> float:
    """In whole nanoseconds: where one slice ends and another begins is then the same number."""
    return round(seconds * 1e9) / 1e3


def _slice(event: OpEvent) -> dict[str, Any]:
    return {
        "ph": "X",
        "name": event.name,
        "cat": event.layer or "none",
        **_at(event.party, event.start),
        "dur": round(_microseconds(event.end) - _microseconds(event.start), 3),
        "args": {
            "layer": event.layer,
            "offline bytes": event.offline_bytes,
            "online bytes": event.online_bytes,
            "rounds": event.rounds,
        },
    }


def _flows(events: Sequence[OpEvent]) -> Iterator[dict[str, Any]]:
    slices: defaultdict[tuple[int, int], list[OpEvent]] = defaultdict(list)
    for event in events:
        if event.seconds > _MOMENT:
            slices[event.group, event.party].append(event)
    numbers = itertools.count(1)
    for group in sorted({group for group, _ in slices}):
        for sender, receiver in _LINKS:
            sends = min((e for e in slices[group, sender] if e.sent), key=lambda e: e.start, default=None)
            if sends is None:
                continue
            waits = [e for e in slices[group, receiver] if e.end > sends.start + _MOMENT]
            if not waits:
                continue
            longest = max(waits, key=lambda e: e.seconds)
            described = {"name": f"P{sender} to P{receiver}", "cat": "messages", "id": next(numbers)}
            yield {"ph": "s", **described, **_at(sender, sends.start)}
            arrival = max(sends.start, longest.start + longest.seconds / 2)
            yield {"ph": "f", "bp": "e", **described, **_at(receiver, arrival)}


def _counters(events: Sequence[OpEvent]) -> Iterator[dict[str, Any]]:
    for party in range(len(ROLES)):
        yield from _counter(party, "bytes sent", [(e.end, e.sent) for e in events if e.party == party])
    # Both have the same rounds.
    yield from _counter(1, "rounds", [(e.end, e.rounds) for e in events if e.party == 1])


def _counter(party: int, name: str, steps: Iterable[tuple[float, int]]) -> Iterator[dict[str, Any]]:
    total = 0
    yield {"ph": "C", "name": name, **_at(party, 0.0), "args": {name: total}}
    for seconds, more in sorted(step for step in steps if step[1]):
        total += more
        yield {"ph": "C", "name": name, **_at(party, seconds), "args": {name: total}}
