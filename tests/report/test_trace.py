"""A run's trace: every operation at every party, when, for how long, and what it sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

OPS = "X"


def test_every_party_has_an_event_for_every_operation(network: Any) -> None:
    ops = json.loads(network.compiled.program.engine)["ops"]
    for party in range(3):
        events = [event for event in network.run.events if event.party == party]
        # The guard's verdict is exchanged after the last operation.
        assert [(e.name, e.layer) for e in events] == [*((op["op"], op["layer"]) for op in ops), ("guard", "guard")]
        assert sum(e.offline_bytes + e.online_bytes for e in events) == network.run.sent[party]
    assert sum(e.rounds for e in network.run.events if e.party == 1) == network.run.rounds


def test_operations_of_a_party_follow_one_another_within_the_run(network: Any) -> None:
    for party in range(3):
        events = sorted((e for e in network.run.events if e.party == party), key=lambda event: event.start)
        ends = [0.0] + [event.start + event.seconds for event in events]
        for event, end in zip(events, ends, strict=False):
            # Microseconds are what a clock of seconds since 1970 resolves.
            assert event.start >= end - 2e-6
        assert ends[-1] <= network.run.seconds + 1e-3


@pytest.mark.parametrize("offline_first", [False, True])
def test_the_trace_is_what_perfetto_reads(network: Any, tmp_path: Path, offline_first: bool) -> None:
    _, run = network.compiled.run(network.params, network.x, offline_first=offline_first)
    run.save_trace(tmp_path / "trace.json")
    trace = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    tracks = {e["tid"]: e["args"]["name"] for e in trace if e["name"] == "thread_name"}
    assert [tracks[party][:2] for party in range(3)] == ["P0", "P1", "P2"]
    events = [e for e in trace if e["ph"] == OPS]
    assert len(events) == len(run.events)
    assert {e["args"]["layer"] for e in events} >= {"mlp/0", "mlp/1"}
    assert all(e["dur"] >= 0 and e["ts"] >= 0 for e in events)
    if offline_first:
        ends = [max(e["ts"] + e["dur"] for e in events if e["tid"] == party) for party in range(3)]
        assert min(e["ts"] for e in events if e["tid"] == 1) >= ends[0] - 100


def test_json_leaves_out_events_and_program(network: Any) -> None:
    described = network.run.to_json()
    assert json.loads(json.dumps(described))["bytes"]["offline"] == network.run.offline_bytes
    assert not {"events", "program"} & set(described)
