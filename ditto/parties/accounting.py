"""What the simulator and the processes have in common: what a run of three parties cost."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from ditto.encoding import ValueType
from ditto.parties.run_report import OpProfile, RunReport
from ditto.parties.trace import OpEvent


def ring_width(type: ValueType) -> int:
    """The width of a secret value's ring; 1 for bits."""
    return 1 if type.kind == "bit" else type.width


def sharing_bytes(size: int, width: int) -> int:
    """What sharing `size` elements sends: a mask from P1, one from P2, and the masked value to both."""
    return 4 * ((size * width + 7) // 8)


def threads_of_a_local_party() -> int:
    """P1 and P2 compute at the same time and share this machine's cores; P0 runs ahead of them."""
    return max(1, len(os.sched_getaffinity(0)) // 2)


def run_report(
    seconds: float, parties: Sequence[dict[str, Any]], *, offline_first: bool, peak_rss_bytes: int | None = None
) -> RunReport:
    """Joins the parties' reports, in their order, of one run that took `seconds`; without P0, those of P1 and P2."""
    if len(parties) == 2:
        parties = [_nothing_of(parties[0]), *parties]
    p0, p1, p2 = parties
    return RunReport(
        seconds=seconds,
        online_seconds=max(p1["seconds"], p2["seconds"]) if offline_first else None,
        sent=(p0["offline"], p1["online"], p2["online"]),
        rounds=p1["rounds"],
        input_bytes=0,
        operations=_joined(*(party["operations"] for party in parties)),
        layers=_joined(*(party["layers"] for party in parties)),
        peak_rss_bytes=peak_rss_bytes,
        events=_events(parties),
        began=min(party["began"] for party in parties),
    )


def _nothing_of(party: dict[str, Any]) -> dict[str, Any]:
    """The report of a party that did nothing in the run of this one."""
    lines = {kind: [(*line[:2], 0.0, 0, 0, 0) for line in party[kind]] for kind in ("operations", "layers")}
    return {"offline": 0, "online": 0, "rounds": 0, "seconds": 0.0, "began": party["began"], "ops": [], **lines}


def _joined(p0: Sequence[Any], p1: Sequence[Any], p2: Sequence[Any]) -> tuple[OpProfile, ...]:
    # (name, count, seconds, offline, online, rounds), in the same order at every party.
    return tuple(OpProfile(b[0], b[1], b[2], a[3], b[4] + c[4], b[5]) for a, b, c in zip(p0, p1, p2, strict=True))


def _events(parties: Sequence[dict[str, Any]]) -> tuple[OpEvent, ...]:
    # (name, layer, start, seconds, offline, online, rounds, group); starts count from the moment the party began.
    first = min(party["began"] for party in parties)
    return tuple(
        OpEvent(role, name, layer, party["began"] - first + start, *rest)
        for role, party in enumerate(parties)
        for name, layer, start, *rest in party["ops"]
    )
