"""A page that shows a program: the ring of every operation, where its bytes, rounds and time go, its casts, its error.

One file without references to any other; style, script and frame stand in `page/`, the numbers are put in as JSON.
"""

from __future__ import annotations

import importlib.resources
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ditto import _core
from ditto.dialects import ring
from ditto.dialects.traits import KeepsRing, Rescales
from ditto.parties.cost import cost_analysis
from ditto.parties.program import RingProgram
from ditto.parties.run_report import RunReport
from ditto.policy.link import LAN, WAN
from spu_ditto.compiled import Compiled
from spu_ditto.errors import UnsupportedError
from spu_ditto.lowered import Lowered
from spu_ditto.reports.about import about
from spu_ditto.reports.divergence import Divergence

Subject = Compiled | Lowered | RunReport

_CASTS = {ring.short_name(op) for op in ring.RING.operations if op.has_trait(Rescales) and not op.has_trait(KeepsRing)}
# How finely the timeline is drawn.
_MOMENTS = 400


def report(
    subject: Subject,
    path: str | Path,
    *,
    title: str | None = None,
    divergence: Divergence | None = None,
    against: Subject | None = None,
) -> None:
    """Writes a page that shows a program, and a run of it, in any browser: one HTML file that needs nothing else.

    Args:
        subject: a program, or the report of a run (`Compiled.run`), which adds measured times.
        path: where to; an existing file is replaced.
        title: what the model is called; the function's name, if not given.
        divergence: errors of the layers, of the same function.
        against: another program, or run, whose bytes, rounds and seconds stand beside these, layer by layer.

    Raises:
        UnsupportedError: the run does not tell its program (a runtime was called directly).
    """
    Path(path).write_text(page(subject, title, divergence, against), encoding="utf-8")


def page(
    subject: Subject,
    title: str | None = None,
    divergence: Divergence | None = None,
    against: Subject | None = None,
) -> str:
    """The text of the page that `report` writes."""
    files = importlib.resources.files("spu_ditto.reports") / "page"
    html, css, *scripts = (
        (files / name).read_text(encoding="utf-8") for name in ("page.html", "page.css", "base.js", "page.js")
    )
    # Inside a script element nothing but "<" can end the JSON early.
    described = description(subject, title, divergence, against)
    data = json.dumps(described, separators=(",", ":")).replace("<", "\\u003c")
    for mark, text in (("/* style */", css), ("/* script */", "\n".join(scripts)), ("/* data */", data)):
        html = html.replace(mark, text, 1)
    return html


def description(
    subject: Subject,
    title: str | None = None,
    divergence: Divergence | None = None,
    against: Subject | None = None,
) -> dict[str, Any]:
    """Everything the page shows, JSON-serialisable."""
    program, run = _program(subject), subject if isinstance(subject, RunReport) else None
    engine, cost = json.loads(program.engine), cost_analysis(program)
    layers = [line.name for line in cost.layers]
    return {
        "about": about(program, run, title or engine["name"].removeprefix("jit_")),
        "layers": layers,
        "ops": _ops(program, engine, layers, run),
        "totals": {"offline": cost.offline_bytes, "online": cost.online_bytes, "rounds": cost.rounds},
        "networks": [[n.name, n.bits_per_second, n.round_trip_seconds] for n in (LAN, WAN)],
        "run": None if run is None else _run(run, layers),
        "divergence": None if divergence is None else divergence.to_json(),
        "against": None if against is None else _against(against),
    }


def _program(subject: Subject) -> RingProgram:
    program = subject.compile().program if isinstance(subject, Lowered) else subject.program
    if program is None:
        raise UnsupportedError(
            "this run does not tell its program: take what Compiled.run reports, of a function without long loops"
        )
    return program


def _against(other: Subject) -> dict[str, Any]:
    """What another program or run cost: in all, and by the names of layers."""
    program, run = _program(other), other if isinstance(other, RunReport) else None
    engine, cost = json.loads(program.engine), cost_analysis(program)
    measured = {} if run is None else {layer.name: layer.seconds for layer in run.layers}
    return {
        "about": about(program, run, engine["name"].removeprefix("jit_")),
        "seconds": None if run is None else run.seconds,
        "rounds": cost.rounds,
        "layers": {
            line.name: {
                "bytes": line.offline_bytes + line.online_bytes,
                "rounds": line.rounds,
                "seconds": measured.get(line.name),
            }
            for line in cost.layers
        },
    }


def _ops(
    program: RingProgram, engine: dict[str, Any], layers: Sequence[str], run: RunReport | None
) -> list[dict[str, Any]]:
    costs = _core.Program(program.engine, program.constants).cost()["ops"]
    # P1's, which waits for P2's messages as P2 waits for its own.
    seconds = [event.seconds for event in run.events if event.party == 1] if run and run.events else None
    described = []
    for index, (kind, layer, _, _, offline, online, rounds, _) in enumerate(costs):
        # The guard comes after the program's operations and makes one bit.
        op = engine["ops"][index] if index < len(engine["ops"]) else None
        result = engine["values"][op["out"][0]] if op else {"kind": "bit", "shape": []}
        described.append(
            {
                "kind": kind,
                "layer": layers.index(layer),
                "from": [_ring(engine["values"][id]) for id in op["in"]] if op else [],
                "to": _ring(result),
                "shape": result["shape"],
                "cast": kind in _CASTS,
                "offline": offline,
                "online": online,
                "rounds": rounds,
                "seconds": None if seconds is None else seconds[index],
            }
        )
    return described


def _ring(value: dict[str, Any]) -> list[int] | str:
    """[width, fraction], "bit" or "public"."""
    return [value["width"], value["fraction"]] if value["kind"] == "fxp" else str(value["kind"])


def _run(run: RunReport, layers: Sequence[str]) -> dict[str, Any]:
    return {
        "seconds": run.seconds,
        "online_seconds": run.online_seconds,
        "sent": run.sent,
        "peak_rss_bytes": run.peak_rss_bytes,
        "spans": _spans(run, layers),
    }


def _spans(run: RunReport, layers: Sequence[str]) -> list[list[float]]:
    """When each party was in which layer: [party, layer, start, end].

    Operations of neighbouring layers alternate; each moment counts for the layer that took most of it.
    """
    end = max((event.start + event.seconds for event in run.events), default=0.0)
    moment = end / _MOMENTS
    shares: defaultdict[tuple[int, int], defaultdict[int, float]] = defaultdict(lambda: defaultdict(float))
    for event in run.events:
        layer, at, left = layers.index(event.layer), event.start, event.seconds
        while left > 0:
            index = min(int(at / moment), _MOMENTS - 1)
            part = min(left, max((index + 1) * moment - at, moment * 1e-6))
            shares[event.party, index][layer] += part
            at, left = at + part, left - part
    spans: list[list[float]] = []
    for (party, index), share in sorted(shares.items()):
        layer = max(share, key=share.__getitem__)
        if spans and spans[-1][:2] == [party, layer] and spans[-1][3] == index * moment:
            spans[-1][3] = (index + 1) * moment
        else:
            spans.append([party, layer, index * moment, (index + 1) * moment])
    return spans
