#!/usr/bin/env python3
"""MiniLM and BERT-base among three parties on a LAN and a WAN: measured, predicted, and beside SPU.

    bench/networks.py                                             # ours alone, ten minutes
    bench/networks.py --parties namespaces --baseline spu         # as root: both over the very same links
    bench/networks.py --network 1gbit,10ms --only minilm

Programs are calibrated, and compiled for the network. "processes" are shaped by a channel that delivers late
(ditto/net/shaped_channel.h); "namespaces" by the kernel or between TUN devices (bench/netns.sh), where our nodes talk
over TLS and SPU's ranks, with PUMA's functions, in the clear. Online is what P1 and P2 take once P0's stream has
arrived, offline what they wait for it, total an execution in which P0 deals meanwhile. Seconds and errors are medians,
with the least and the most of all executions; SPU's are of one. Predictions are those of `cost_analysis`, which tries
out computing just before the parties start: what keeps the machine busy then has its part in them.
"""

from __future__ import annotations

import contextlib
import json as json_format
import statistics
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import namespaces
import numpy as np
import typer
import workload
from commandline import run_command
from output import with_range
from provenance import provenance, spread
from rich.console import Console

import spu_ditto
from ditto.policy.link import get_link
from spu_ditto import models

console = Console(stderr=True)


class Model(StrEnum):
    minilm = "minilm"
    bert_base = "bert-base"


class Parties(StrEnum):
    processes = "processes"
    namespaces = "namespaces"


class Baseline(StrEnum):
    spu = "spu"


@dataclass(frozen=True)
class Subject:
    """A model with an input.

    Attributes:
        source: the keyword arguments of `models.load`.
    """

    name: str
    source: dict[str, Any]
    seq_len: int

    def batch(self) -> workload.Batch:
        model = models.load(**self.source)
        if model.tokenizer is None:
            return workload.Batch(model, model.make_inputs(1, self.seq_len), 1)
        return workload.Batch(model, model.encode(["A cat sleeps on the warm stones."], seq_len=self.seq_len), 1)


SUBJECTS = {
    Model.minilm: Subject("MiniLM, 32 tokens", {"source": "minilm"}, 32),
    Model.bert_base: Subject("BERT-base, 128 tokens", {"source": "bert-base", "random_weights": True}, 128),
}


@contextlib.contextmanager
def running(parties: Parties, network: str) -> Iterator[None]:
    """Three parties with this network between them."""
    if parties is Parties.processes:
        with spu_ditto.processes(network=network):
            yield
    else:
        with namespaces.namespaces(network), namespaces.parties():
            yield


def measured(compiled: spu_ditto.Compiled, weights: Any, batch: workload.Batch, repetitions: int) -> dict[str, Any]:
    """What executions take that are all alike, after a first one."""
    plain = np.asarray(batch.model.reference(batch.model.params, batch.inputs), np.float64)
    errors: list[float] = []

    def run(**options: Any) -> spu_ditto.RunReport:
        output, report = compiled.run(weights, batch.inputs, **options)
        errors.append(workload.relative_error(np.asarray(output, np.float64), plain))
        return report

    first = run()
    seconds: dict[str, list[float]] = {"offline": [], "online": [], "total": []}
    for _ in range(repetitions):
        seconds["total"].append(run().seconds)
        apart = run(offline_first=True)
        assert apart.online_seconds is not None
        seconds["online"].append(apart.online_seconds)
        seconds["offline"].append(apart.seconds - apart.online_seconds)
    return {
        "seconds": seconds,
        "bytes": {"offline": first.offline_bytes, "online": first.online_bytes},
        "rounds": first.rounds,
        "max_abs_error": spread(errors),
    }


def rows(
    subject: Subject, network: str, where: Sequence[Parties], repetitions: int, baseline: Baseline | None
) -> list[dict[str, Any]]:
    """The results of one model on one network, one for each of `where`."""
    console.print(f"{subject.name}, {network}: compiling")
    batch = subject.batch()
    model = batch.model
    samples = [(model.params, inputs) for inputs in workload.calibration_inputs(model, 1, subject.seq_len)]
    secure = spu_ditto.compile(model.apply, ring_policy="ditto", calibration=samples, network=network)
    compiled = secure.lower(model.params, batch.inputs).compile()
    results = []
    for parties in where:
        cost = compiled.cost_analysis()
        predicted = {"online": cost.online_seconds(network), "total": cost.seconds(network)}
        console.print(f"{subject.name}, {network}, {parties}: running")
        result: dict[str, Any] = {"model": subject.name, "network": network, "parties": parties.value}
        with running(parties, network):
            result |= measured(compiled, secure.share(model.params), batch, repetitions)
            result |= {"predicted": predicted, "spu": None}
        if baseline is not None and parties is Parties.namespaces:
            console.print(f"{subject.name}, {network}: running SPU, for up to an hour")
            with namespaces.namespaces(network):
                result["spu"] = workload.spu_baseline(subject.source, batch, in_namespaces=True, repetitions=1)
            plain = np.asarray(model.reference(model.params, batch.inputs), np.float64)
            result["spu"]["max_abs_error"] = workload.relative_error(result["spu"].pop("output"), plain)
        results.append(result)
    return results


def markdown(results: Sequence[dict[str, Any]]) -> str:
    """The table: bytes of all parties, seconds."""
    lines = [
        "| | network | parties | MB offline, online | rounds | offline, s | online, s | predicted | total, s | "
        "predicted | error | SPU, s | MB | times |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for r in results:
        offline, online, total = (with_range(spread(r["seconds"][part])) for part in ("offline", "online", "total"))
        cells = [r["model"], r["network"], r["parties"]]
        cells += [", ".join(f"{r['bytes'][part] / 1e6:.0f}" for part in ("offline", "online")), str(r["rounds"])]
        cells += [offline, online, f"{r['predicted']['online']:.2f}", total, f"{r['predicted']['total']:.2f}"]
        cells.append(f"{with_range(r['max_abs_error'], scale=100)} %")
        spu = r["spu"]
        if spu is None:
            cells += [""] * 3
        else:
            times = spu["seconds"] / statistics.median(r["seconds"]["total"])
            cells += [f"{spu['seconds']:.1f}", f"{spu['bytes_total'] / 1e6:.0f}", f"{times:.1f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main(
    network: Annotated[
        list[str], typer.Option(help="What lies between the parties: lan, wan, or such as 400mbit,40ms.")
    ] = ["lan", "wan"],  # noqa: B006
    only: Annotated[Model | None, typer.Option(help="One of the two models.")] = None,
    parties: Annotated[list[Parties], typer.Option(help="How the network is made.")] = [Parties.processes],  # noqa: B006
    baseline: Annotated[Baseline | None, typer.Option(help="Also run SPU 0.9.5 with PUMA's functions, once.")] = None,
    repetitions: Annotated[int, typer.Option(min=1, help="So many executions of each kind.")] = 3,
    layers: Annotated[int | None, typer.Option(min=1, help="Keep only the first so many layers.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write the results to this file.")] = None,
) -> None:
    """Prints the table as Markdown; progress goes to standard error."""
    made_with = provenance(locals(), [0])
    if baseline is not None and Parties.namespaces not in parties:
        raise typer.BadParameter("--baseline spu goes with --parties namespaces")
    results = []
    try:
        for text in network:
            get_link(text)
        for name in Model if only is None else [only]:
            subject = SUBJECTS[name]
            if layers is not None:
                subject = Subject(
                    f"{subject.name}, {layers} layers", {**subject.source, "layers": layers}, subject.seq_len
                )
            for text in network:
                results += rows(subject, text, parties, repetitions, baseline)
    except spu_ditto.DittoError as error:
        raise typer.BadParameter(str(error)) from error
    except subprocess.CalledProcessError as failure:
        raise typer.BadParameter(f"{failure.cmd[0]} ended with status {failure.returncode}; see above") from failure
    print(markdown(results))
    if json is not None:
        json.write_text(json_format.dumps({"made_with": made_with, "rows": results}, indent=2) + "\n")


if __name__ == "__main__":
    run_command(main)
