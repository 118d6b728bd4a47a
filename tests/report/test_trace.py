"""A run's trace: every operation at every party, when, for how long, and what it sent to whom."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import pytest
from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveInt, ValidationError

import spu_ditto
from ditto.parties.trace import OpEvent, one_after_another, trace_events

# ------------------------------------------------------------------------- the format, as its description has it


class Event(BaseModel):
    """What all kinds have; a kind has no field but its own."""

    model_config = ConfigDict(extra="forbid", strict=True)
    name: str = Field(min_length=1)
    pid: PositiveInt
    tid: PositiveInt


class Named(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    name: str = Field(min_length=1)


class Metadata(Event):
    ph: Literal["M"]
    name: Literal["process_name", "thread_name"]
    args: Named


class Slice(Event):
    ph: Literal["X"]
    cat: str = Field(min_length=1)
    ts: NonNegativeFloat
    dur: NonNegativeFloat
    args: dict[str, str | int]

    def holds(self, flow: Flow) -> bool:
        return (self.pid, self.tid) == (flow.pid, flow.tid) and self.ts <= flow.ts < self.ts + self.dur


class Flow(Event):
    cat: str = Field(min_length=1)
    id: PositiveInt
    ts: NonNegativeFloat

    @property
    def arrow(self) -> tuple[str, str, int]:
        """What the two ends of one have in common."""
        return self.cat, self.name, self.id


class FlowStart(Flow):
    ph: Literal["s"]


class FlowEnd(Flow):
    ph: Literal["f"]
    # To the slice around it: without this it belongs to the next one.
    bp: Literal["e"]


class Count(Event):
    ph: Literal["C"]
    ts: NonNegativeFloat
    args: dict[str, NonNegativeInt] = Field(min_length=1)


T = TypeVar("T", bound=Event)
Kind = Annotated[Metadata | Slice | FlowStart | FlowEnd | Count, Field(discriminator="ph")]


class Trace(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    traceEvents: list[Kind]
    displayTimeUnit: Literal["ms", "ns"]

    def of(self, kind: type[T]) -> list[T]:
        return [event for event in self.traceEvents if isinstance(event, kind)]


def checked(text: str) -> Trace:
    """A trace; fails if it is none that is to be shown."""
    trace = Trace.model_validate_json(text)
    names = Counter((event.name, event.pid, event.tid) for event in trace.of(Metadata))
    tracks: defaultdict[tuple[int, int], list[Slice]] = defaultdict(list)
    for piece in trace.of(Slice):
        tracks[piece.pid, piece.tid].append(piece)
    assert all(names[kind, *track] == 1 for track in tracks for kind in ("process_name", "thread_name")), "no name"
    for pieces in tracks.values():
        pieces.sort(key=lambda piece: piece.ts)
        for before, after in zip(pieces, pieces[1:], strict=False):
            assert after.ts >= before.ts + before.dur - 2e-3, "slices overlap"
    starts, ends = trace.of(FlowStart), trace.of(FlowEnd)
    assert len({start.id for start in starts}) == len(starts), "an arrow starts twice"
    assert sorted(start.arrow for start in starts) == sorted(end.arrow for end in ends), "an arrow has no end or start"
    arrivals = {end.id: end for end in ends}
    for start in starts:
        assert start.ts <= arrivals[start.id].ts, "an arrow leads into the past"
    for flow in (*starts, *ends):
        assert any(piece.holds(flow) for piece in tracks[flow.pid, flow.tid]), "an arrow is outside of slices"
    counters: dict[tuple[int, str], Count] = {}
    for count in trace.of(Count):
        before_it = counters.get((count.pid, count.name), count)
        assert before_it.ts <= count.ts, "a counter goes back in time"
        assert before_it.args.keys() == count.args.keys(), "a counter has another series"
        counters[count.pid, count.name] = count
    return trace


# ------------------------------------------------------------------------------------------------------ the traces


@pytest.fixture(scope="module", params=["simulator", "simulator, offline first", "processes"])
def run(request: pytest.FixtureRequest, network: Any) -> spu_ditto.RunReport:
    args = network.params, network.x
    if request.param == "processes":
        with spu_ditto.processes():
            report: spu_ditto.RunReport = network.compiled.run(*args)[1]
            return report
    report = network.compiled.run(*args, offline_first="first" in request.param)[1]
    return report


def saved(run: spu_ditto.RunReport, folder: Path) -> str:
    run.save_trace(folder / "trace.json")
    return (folder / "trace.json").read_text()


def test_every_party_has_an_event_for_every_operation(network: Any, run: spu_ditto.RunReport) -> None:
    ops = json.loads(network.compiled.program.engine)["ops"]
    for party in range(3):
        events = [event for event in run.events if event.party == party]
        # The guard's verdict is exchanged after the last operation.
        assert [(e.name, e.layer) for e in events] == [*((op["op"], op["layer"]) for op in ops), ("guard", "guard")]
        assert sum(e.sent for e in events) == run.sent[party]
    assert sum(e.rounds for e in run.events if e.party == 1) == run.rounds


def test_operations_of_a_party_follow_one_another_within_the_run(run: spu_ditto.RunReport) -> None:
    for party in range(3):
        events = sorted((e for e in run.events if e.party == party), key=lambda event: event.start)
        ends = [0.0] + [event.end for event in events]
        for event, end in zip(events, ends, strict=False):
            # Microseconds are what a clock of seconds since 1970 resolves.
            assert event.start >= end - 2e-6
        assert ends[-1] <= run.seconds + 1e-3


def test_a_trace_is_what_the_format_says(network: Any, run: spu_ditto.RunReport, tmp_path: Path) -> None:
    trace = checked(saved(run, tmp_path))
    roles = {event.pid: event.args.name[:2] for event in trace.of(Metadata) if event.name == "process_name"}
    assert roles == {1: "P0", 2: "P1", 3: "P2"}
    slices = trace.of(Slice)
    assert len(slices) == len(run.events)
    assert {piece.args["layer"] for piece in slices} >= {"mlp/0", "mlp/1"}
    if run.online_seconds is not None:
        ends = [max(s.ts + s.dur for s in slices if s.pid == pid) for pid in (1, 2, 3)]
        assert min(s.ts for s in slices if s.pid == 2) >= ends[0] - 100


def test_arrows_lead_from_who_sends_to_who_waits(run: spu_ditto.RunReport, tmp_path: Path) -> None:
    trace = checked(saved(run, tmp_path))
    arrows = Counter((start.pid - 1, start.name) for start in trace.of(FlowStart))
    sending: defaultdict[int, set[int]] = defaultdict(set)
    for event in run.events:
        if event.sent:
            sending[event.party].add(event.group)
    # One for all that shares a round, which P1 and P2 send to each other.
    names = {0: "P0 to P2", 1: "P1 to P2", 2: "P2 to P1"}
    assert arrows == {(party, names[party]): len(groups) for party, groups in sending.items()}
    assert len(sending[1]) < sum(event.party == 1 and event.sent > 0 for event in run.events)
    for end in trace.of(FlowEnd):
        assert f"to P{end.pid - 1}" in end.name


def test_counters_end_at_what_the_report_says(run: spu_ditto.RunReport, tmp_path: Path) -> None:
    totals: dict[tuple[int, str], int] = {}
    for count in checked(saved(run, tmp_path)).of(Count):
        [(series, value)] = count.args.items()
        assert series == count.name and value >= totals.get((count.pid, count.name), 0)
        totals[count.pid, count.name] = value
    assert totals == {**{(n + 1, "bytes sent"): sent for n, sent in enumerate(run.sent)}, (2, "rounds"): run.rounds}


# ------------------------------------------------------------------------------------------------------ the checker


def event(trace: Any, ph: str, n: int = 0) -> Any:
    return [event for event in trace["traceEvents"] if event["ph"] == ph][n]


# What is done to a trace, and what is said of it.
SPOILT: dict[str, tuple[Callable[[Any], Any], str]] = {
    "no time": (lambda t: event(t, "X").pop("ts"), "Field required"),
    "no duration": (lambda t: event(t, "X").pop("dur"), "Field required"),
    "a text for a number": (lambda t: event(t, "X").update(pid="1"), "valid integer"),
    "a field of another kind": (lambda t: event(t, "C").update(dur=1.0), "Extra inputs"),
    "an unknown kind": (lambda t: event(t, "X").update(ph="Q"), "does not match any of the expected tags"),
    "no binding": (lambda t: event(t, "f").pop("bp"), "Field required"),
    "a track without a name": (lambda t: t["traceEvents"].remove(event(t, "M")), "no name"),
    "slices over each other": (lambda t: event(t, "X").update(dur=1e9), "overlap"),
    "an id used twice": (lambda t: event(t, "s").update(id=event(t, "s", 1)["id"]), "starts twice"),
    "no end": (lambda t: t["traceEvents"].remove(event(t, "f")), "no end or start"),
    "another name at the end": (lambda t: event(t, "f").update(name="P2 to P0"), "no end or start"),
    "an end before its start": (lambda t: event(t, "f", -1).update(ts=0.0), "into the past"),
    "an end beside slices": (lambda t: event(t, "f").update(ts=1e12), "outside of slices"),
    "a start on another track": (lambda t: event(t, "s").update(pid=9), "outside of slices"),
    "a counter back in time": (lambda t: event(t, "C").update(ts=1e12), "back in time"),
    "another series": (lambda t: event(t, "C", 1).update(args={"other": 1}), "another series"),
}


@pytest.mark.parametrize("fault", SPOILT)
def test_the_checker_refuses_what_is_no_trace(network: Any, tmp_path: Path, fault: str) -> None:
    spoil, reason = SPOILT[fault]
    trace = json.loads(saved(network.run, tmp_path))
    spoilt = copy.deepcopy(trace)
    spoil(spoilt)
    checked(json.dumps(trace))
    with pytest.raises((AssertionError, ValidationError), match=reason):
        checked(json.dumps(spoilt))


# ------------------------------------------------------------------------------------------------ by hand


def op(party: int, start: float, seconds: float, *, group: int = 0, sent: int = 0, rounds: int = 0) -> OpEvent:
    offline, online = (sent, 0) if party == 0 else (0, sent)
    return OpEvent(party, "mul", "", start, seconds, offline, online, rounds, group)


def arrows_of(events: list[OpEvent]) -> list[tuple[str, float, float]]:
    trace = checked(json.dumps({"traceEvents": trace_events(events), "displayTimeUnit": "ms"}))
    ends = {end.id: end.ts for end in trace.of(FlowEnd)}
    return [(start.name, start.ts, ends[start.id]) for start in trace.of(FlowStart)]


def test_arrows_of_a_group_lead_to_the_longest_of_what_waits() -> None:
    events = [
        *(op(0, 0.0, 1.0, sent=5), op(1, 1.0, 2.0, sent=1, rounds=1), op(1, 3.0, 3.0, sent=1)),
        *(op(2, 1.5, 0.5, sent=1, rounds=1), op(2, 2.0, 4.0, sent=1)),
    ]
    assert arrows_of(events) == [("P0 to P2", 0.0, 4e6), ("P1 to P2", 1e6, 4e6), ("P2 to P1", 1.5e6, 4.5e6)]


def test_no_arrow_leads_into_the_past_where_clocks_differ() -> None:
    events = [op(0, 100.0, 1.0, sent=5), op(1, 102.0, 2.0, sent=1, rounds=1), op(2, 2.0, 2.0, sent=1, rounds=1)]
    assert [name for name, _, _ in arrows_of(events)] == ["P2 to P1"]


def test_runs_after_one_another_share_no_group() -> None:
    once = [op(1, 0.0, 1.0, sent=1, rounds=1), op(2, 0.0, 1.0, sent=1, rounds=1)]
    twice = one_after_another([(once, 2.0), ([], 1.0), (once, 2.0)])
    assert [(e.start, e.group) for e in twice] == [(0.0, 0), (0.0, 0), (3.0, 1), (3.0, 1)]
    assert len(arrows_of([*twice])) == 4
    assert dataclasses.replace(twice[2], start=0.0, group=0) == once[0]
