#!/usr/bin/env python3
"""How many inferences a minute one trio gives: callers of a published model, each with a session of its own.

    bench/throughput.py                                     # MiniLM, 32 tokens; a quarter of an hour on two cores
    bench/throughput.py --batch 4 --callers 16 --calls 1

Three nodes on this machine, as three organisations have them: TLS among them and to callers, results revealed to the
caller alone. The model is published once, with a program for each batch. All callers start at once, and each makes its
calls one after the other; inferences a minute are all that they got by the time that the last one had its last answer.
A call of each caller before that opens its session, and is not timed. Answers are compared with float32.
"""

from __future__ import annotations

import contextlib
import json as json_format
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
import workload
from commandline import run_command
from output import Steps, say
from provenance import provenance, spread

import spu_ditto
from ditto.parties.client import Client
from ditto.parties.local import start_nodes
from ditto.parties.node import MOST_OF_A_CALLER
from ditto.parties.session import RemoteParties
from spu_ditto import models

OWNER, CALLER = "owner", "caller"
# What the model is published as.
PUBLISHED = "model"


@dataclass(frozen=True)
class Call:
    """What is asked, and the answer in float32."""

    arguments: dict[str, Any]
    expected: workload.Array


@dataclass(frozen=True)
class Answered:
    """A call's seconds, and its error relative to the largest number of the answer."""

    seconds: float
    error: float


def calls_of(model: models.Model, batch: int, seq_len: int, count: int) -> list[Call]:
    """So many different calls: texts, each time others first, or random inputs."""
    found = []
    for number in range(count):
        if model.tokenizer is None:
            inputs = model.make_inputs(batch, seq_len, seed=number)
        else:
            texts = [workload.CALIBRATION_TEXTS[(number + n) % len(workload.CALIBRATION_TEXTS)] for n in range(batch)]
            inputs = model.encode(texts, seq_len=seq_len)
        arguments = {f"inputs/{name}": array for name, array in inputs.items()}
        found.append(Call(arguments, np.asarray(model.reference(model.params, inputs), np.float64)))
    return found


@contextlib.contextmanager
def published(model: models.Model, batches: Sequence[int], seq_len: int, callers: int) -> Iterator[list[Client]]:
    """A trio that has the model, and so many callers of it."""
    secure = spu_ditto.compile(model.apply, fraction_bits=model.fraction_bits)
    programs = []
    for batch in batches:
        say(f"compiling for a batch of {batch}")
        programs.append(secure.lower(model.params, model.make_inputs(batch, seq_len)).compile())
    with contextlib.ExitStack() as cleanup:
        config, identities, _ = start_nodes(cleanup, {OWNER: ["compute", "publish"], CALLER: ["call"]})
        with contextlib.closing(RemoteParties(config, identities[OWNER])) as owner:
            spu_ditto.publish(owner, PUBLISHED, programs, {"params": model.params})
        yield [cleanup.enter_context(Client(config, identities[CALLER])) for _ in range(callers)]


def answered(client: Client, call: Call) -> Answered:
    started = time.perf_counter()
    answer = client.call(PUBLISHED, **call.arguments)
    seconds = time.perf_counter() - started
    return Answered(seconds, workload.relative_error(np.asarray(answer, np.float64), call.expected))


def together(clients: Sequence[Client], calls: Sequence[Call]) -> tuple[float, list[Answered]]:
    """The seconds in which all clients, at the same time, have made all calls; and each of these."""
    gate = threading.Barrier(len(clients) + 1)

    def serve(client: Client) -> list[Answered]:
        gate.wait()
        return [answered(client, call) for call in calls]

    with ThreadPoolExecutor(len(clients)) as pool:
        running = [pool.submit(serve, client) for client in clients]
        gate.wait()
        started = time.perf_counter()
        answers = [answer for one in running for answer in one.result()]
        return time.perf_counter() - started, answers


def row(clients: Sequence[Client], calls: Sequence[Call], batch: int, repetitions: int, done: Steps) -> dict[str, Any]:
    """What so many callers get with batches of this size."""
    for client in clients:
        answered(client, calls[0])
    rates, answers = [], list[Answered]()
    for _ in range(repetitions):
        seconds, found = together(clients, calls)
        answers += found
        rates.append(60 * batch * len(found) / seconds)
        done(f"batches of {batch}, {len(clients)} callers: {rates[-1]:.0f} inferences a minute")
    return {
        "batch": batch,
        "callers": len(clients),
        "inferences_a_minute": spread(rates),
        "seconds_a_call": spread([answer.seconds for answer in answers]),
        "max_abs_error": max(answer.error for answer in answers),
    }


def markdown(rows: Sequence[dict[str, Any]]) -> str:
    """The table: medians, with the least and the most."""
    lines = [
        "| batch | callers | inferences a minute | seconds a call | largest error |",
        "|---|---|---|---|---|",
    ]
    for r in rows:
        rate, seconds = r["inferences_a_minute"], r["seconds_a_call"]
        lines.append(
            f"| {r['batch']} | {r['callers']} | {rate['median']:.0f} ({rate['least']:.0f}-{rate['most']:.0f}) "
            f"| {seconds['median']:.2f} ({seconds['least']:.2f}-{seconds['most']:.2f}) "
            f"| {100 * r['max_abs_error']:.2f} % |"
        )
    return "\n".join(lines)


def main(
    model: Annotated[str, typer.Option(help="A Hugging Face directory, or minilm.")] = "minilm",
    layers: Annotated[int | None, typer.Option(min=1, help="Keep only the first so many layers.")] = None,
    seq_len: Annotated[int, typer.Option(min=1, help="Tokens per sequence.")] = 32,
    batch: Annotated[list[int], typer.Option(min=1, help="Sequences of a call.")] = [1, 8],  # noqa: B006
    callers: Annotated[list[int], typer.Option(min=1, max=MOST_OF_A_CALLER, help="Sessions at a time.")] = [1, 4],  # noqa: B006
    calls: Annotated[int, typer.Option(min=1, help="So many calls of each caller, at a time.")] = 8,
    repetitions: Annotated[int, typer.Option(min=1, help="So many times of each.")] = 3,
    json: Annotated[Path | None, typer.Option(help="Write the results to this file.")] = None,
) -> None:
    """Prints the table as Markdown; progress goes to standard error."""
    made_with = provenance(locals(), range(calls))
    done = Steps(len(batch) * len(callers) * repetitions)
    rows = []
    try:
        loaded = models.load(model, layers=layers)
        with published(loaded, sorted(set(batch)), seq_len, max(callers)) as clients:
            for size in batch:
                asked = calls_of(loaded, size, seq_len, calls)
                for count in callers:
                    rows.append(row(clients[:count], asked, size, repetitions, done))
    except spu_ditto.DittoError as error:
        raise typer.BadParameter(str(error)) from error
    print(markdown(rows))
    if json is not None:
        result = {"made_with": made_with, "model": loaded.name, "seq_len": seq_len, "rows": rows}
        json.write_text(json_format.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    run_command(main)
