"""What a benchmark runs: batches of samples, their secure and float32 results, and how far apart these are."""

from __future__ import annotations

import contextlib
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from provenance import spread

import spu_ditto
from spu_ditto import models
from spu_ditto.evaluation import evaluate

Array = np.ndarray[Any, Any]
Inputs = dict[str, Array]

# Times are medians of at least this many executions.
REPETITIONS = 3
# Errors with random weights are medians over this many draws of weights and inputs.
SEEDS = 5
# Those with given weights over so many runs: masks are drawn anew in each, and what is rounded how depends on them.
DRAWS = 5
# More batches are run once: so many inputs draw masks enough.
_FEW = 64


@dataclass(frozen=True)
class Batch:
    """One execution: a model (its weights), the inputs, and how many of the sequences count (the rest is filling)."""

    model: models.Model
    inputs: Inputs
    count: int

    @property
    def size(self) -> int:
        """Sequences in the batch, filling included."""
        return len(next(iter(self.inputs.values())))

    def counted(self, output: Any) -> Array:
        """The results of the sequences that count."""
        return np.asarray(output, np.float64)[: self.count]


@dataclass(frozen=True)
class Measured:
    """Results of all batches and what their executions cost.

    Attributes:
        secure: those of all batches, draw by draw.
    """

    first: Batch
    secure: list[list[Array]]
    float32: list[Array]
    reports: list[spu_ditto.RunReport]
    online_seconds: list[float]
    input_bytes: int
    compile_seconds: float


def batches_of(model: models.Model, inputs: Inputs, size: int) -> list[Batch]:
    """Cuts `inputs` into batches of one size; the last one is filled up with its last sequence."""
    total = len(next(iter(inputs.values())))
    batches = []
    for start in range(0, total, size):
        rows = np.minimum(np.arange(start, start + size), total - 1)
        batches.append(Batch(model, {k: v[rows] for k, v in inputs.items()}, min(size, total - start)))
    return batches


def random_batches(load: Callable[[int], models.Model], size: int, seq_len: int) -> Iterator[Batch]:
    """One batch per seed, each with weights and inputs of its own."""
    for seed in range(SEEDS):
        model = load(seed)
        yield Batch(model, model.make_inputs(size, seq_len, seed=seed), size)


# What a model for texts is calibrated on: none of it is in the data that is measured.
CALIBRATION_TEXTS = (
    "The harbour was empty when the last ferry left.",
    "She has been learning the violin for eleven years, and it shows.",
    "Rain is expected in the north, with strong winds along the coast on Thursday.",
    "Why?",
    "Our neighbours painted their fence green over the weekend!",
    "In 1969, about 600 million people watched two astronauts walk on the moon.",
    "The committee did not accept the report, because its figures could not be explained.",
    "Add two eggs and a pinch of salt, then stir until the dough no longer sticks to the bowl.",
)


def calibration_inputs(model: models.Model, size: int, seq_len: int) -> list[Inputs]:
    """Sample batches that are not measured: texts of our own, or random inputs of other seeds."""
    if model.tokenizer is None:
        return [model.make_inputs(size, seq_len, seed=1000 + number) for number in range(2)]
    texts = list(CALIBRATION_TEXTS)
    count = -(-len(texts) // size) * size
    encoded = model.encode((texts * count)[:count], seq_len=seq_len)
    return [batch.inputs for batch in batches_of(model, encoded, size)]


def draws_of(batches: Iterable[Batch]) -> int:
    """How often each batch is run: those of random weights once, which differ in more than masks."""
    return DRAWS if isinstance(batches, list) and len(batches) <= _FEW else 1


def steps(executions: int) -> int:
    """How often `measure` reports progress for so many executions, batches times draws."""
    return 1 + max(executions, REPETITIONS) + REPETITIONS


@dataclass(frozen=True)
class Execution:
    """A run of a batch.

    Attributes:
        draw: of several that give results; None for one that gives another time and no other result.
        offline_first: the online part is timed alone.
    """

    batch: Batch
    draw: int | None = None
    offline_first: bool = False


def executions(batches: Iterable[Batch], draws: int = 1) -> Iterator[Execution]:
    """Every batch `draws` times; the last one again until there are `REPETITIONS`, and as often for its online part."""
    count = 0
    for batch in batches:
        for draw in range(draws):
            yield Execution(batch, draw)
            count += 1
    yield from [Execution(batch)] * (REPETITIONS - count)
    yield from [Execution(batch, offline_first=True)] * REPETITIONS


@dataclass(frozen=True)
class _Executed:
    """What an execution gave: which draw it was, secure results, float32's with the first draw, and what it cost."""

    draw: int | None
    secure: Array
    plain: Array | None
    report: spu_ditto.RunReport


@dataclass(frozen=True)
class Parties:
    """Who computes: `opened` opens three parties for a `with` block; so many trios are used at a time."""

    opened: Callable[[], contextlib.AbstractContextManager[Any]]
    trios: int = 1


def options(model: models.Model, policy: str, calibration: Sequence[Inputs], network: str) -> dict[str, Any]:
    """How `spu_ditto.compile` makes the program that is measured."""
    chosen: dict[str, Any] = {"ring_policy": policy, "network": network}
    if calibration:
        return {**chosen, "calibration": [(model.params, inputs) for inputs in calibration]}
    return {**chosen, "fraction_bits": model.fraction_bits}


def measure(
    batches: Iterable[Batch],
    policy: str,
    done: Callable[[str], None],
    parties: Parties,
    calibration: Sequence[Inputs] = (),
    network: str = "LAN",
    draws: int = 1,
) -> Measured:
    """Compiles once and runs every batch `draws` times, in at least `REPETITIONS` executions, then the online part.

    Args:
        batches: read one by one, so that only one model's weights need to be in memory for each trio.
        done: called with a description after every step, for progress.
        calibration: inputs to calibrate on, with the weights of the first batch. Magnitudes of weights are then visible
            in the plan.
        network: what the program is compiled for.

    Raises:
        spu_ditto.RuntimeFailure: see `evaluate`.
    """
    remaining = iter(batches)
    first = next(remaining)
    model = first.model
    secure = spu_ditto.compile(model.apply, **options(model, policy, calibration, network))
    started = time.perf_counter()
    compiled = secure.lower(model.params, first.inputs).compile()
    compile_seconds = time.perf_counter() - started
    done(f"compiled in {compile_seconds:.1f} s")

    @contextlib.contextmanager
    def trio() -> Iterator[Callable[[Execution], _Executed]]:
        weights, owner = None, None

        def run(execution: Execution) -> _Executed:
            nonlocal weights, owner
            batch = execution.batch
            if batch.model is not owner:
                weights, owner = secure.share(batch.model.params), batch.model
            output, report = compiled.run(weights, batch.inputs, offline_first=execution.offline_first)
            plain = batch.model.reference(batch.model.params, batch.inputs) if execution.draw == 0 else None
            if report.online_seconds is None:
                done(f"an execution took {report.seconds:.2f} s")
            else:
                done(f"the online part took {report.online_seconds:.2f} s")
            return _Executed(
                execution.draw, batch.counted(output), None if plain is None else batch.counted(plain), report
            )

        with parties.opened():
            yield run

    executed = evaluate(executions(itertools.chain([first], remaining), draws), trio, parties.trios)
    reports = [one.report for one in executed]
    return Measured(
        first,
        [[one.secure for one in executed if one.draw == draw] for draw in range(draws)],
        [one.plain for one in executed if one.plain is not None],
        [report for report in reports if report.online_seconds is None],
        [report.online_seconds for report in reports if report.online_seconds is not None],
        # Of the execution for which weights were shared.
        max(report.input_bytes for report in reports),
        compile_seconds,
    )


def relative_error(secure: Array, plain: Array) -> float:
    """Largest difference over the largest magnitude of the float32 result."""
    return float(np.max(np.abs(secure - plain)) / np.max(np.abs(plain)))


def cost(measured: Measured, batch_size: int) -> dict[str, Any]:
    """Seconds of an execution; bytes and rounds of an inference, that is of one sequence."""
    report = measured.reports[0]
    rss = [r.peak_rss_bytes for r in measured.reports if r.peak_rss_bytes is not None]
    return {
        "seconds": {
            "compile": measured.compile_seconds,
            "online": statistics.median(measured.online_seconds),
            "total": statistics.median(r.seconds for r in measured.reports),
        },
        "spread": {
            "online": spread(measured.online_seconds),
            "total": spread([r.seconds for r in measured.reports]),
        },
        "bytes": {
            "offline": report.offline_bytes / batch_size,
            "online": report.online_bytes / batch_size,
            "total": (report.offline_bytes + report.online_bytes) / batch_size,
            "input": measured.input_bytes,
            "per_party_sent": [sent / batch_size for sent in report.sent],
        },
        "rounds": report.rounds / batch_size,
        "peak_rss_bytes": max(rss) if rss else None,
    }


def spu_baseline(
    model: dict[str, Any], batch: Batch, *, in_namespaces: bool = False, repetitions: int = REPETITIONS
) -> dict[str, Any]:
    """SPU with PUMA's functions on one batch: seconds (median), bytes_total (an inference) and its output.

    Args:
        model: the keyword arguments of `models.load` that made the batch's model.
        in_namespaces: a process for each rank, in the namespaces of bench/netns.sh; otherwise threads of one process.

    Raises:
        subprocess.CalledProcessError: SPU failed; its messages have been printed.
    """
    with tempfile.TemporaryDirectory() as folder:
        inputs, job, result = (Path(folder) / name for name in ("inputs.npz", "job.json", "result.json"))
        np.savez(inputs, **batch.inputs)  # type: ignore[arg-type]
        job.write_text(
            json.dumps({"model": model, "inputs": str(inputs), "repetitions": repetitions, "namespaces": in_namespaces})
        )
        script = Path(__file__).with_name("spu_baseline.py")
        subprocess.run([sys.executable, str(script), str(job), str(result)], check=True)
        measured = json.loads(result.read_text())
    return {
        "seconds": statistics.median(measured["seconds"]),
        "spread": spread(measured["seconds"]),
        "bytes_total": measured["bytes_total"] / batch.size,
        "output": np.asarray(measured["output"])[: batch.count],
    }
