#!/usr/bin/env python3
"""What the guard of a calibrated program costs, and what it finds when values outgrow the samples.

    python bench/guard.py                                 # a quarter of an hour: a layer of each model
    python bench/guard.py --full --only cost              # all layers
    python bench/guard.py --guards certain --push aligned    # what else would find what is hardest to find
    python bench/guard.py --quick                         # half a minute: a tiny BERT

Cost: the same plan with guard="on" and "off"; bytes and rounds are exact, seconds those of alternating runs, and their
ratio the median of pairs of runs, with the least and the most.

Finds: programs calibrated on some inputs run on others, with parameters that push what is inside a factor beyond the
samples, while every argument passes its own check:

scales     All LayerNorm scales and biases times the factor. Their arguments' bounds are raised by as much in the plan,
           and nothing else in it is: the residual stream and what is made of it grow, scores by the factor squared.
weights    All matrices times the factor, cut at what the plan allows of each. The plan stays as it is: its bound is
           that of the largest entry, so that a matrix can grow until all its entries are as large as that.
aligned    One column of one matrix of a layer is turned towards the activations of one token, until their product is
           the factor times the largest that the samples showed, or as large as the plan allows. The plan stays as it
           is. One element leaves its range, and few others: the hardest to find.

A result is wrong if it is off from float32 by more than 5 % of the largest number in it; that of a refused run is known
from the same program without its checks, run on the same shares. It is found if the run is refused. A wrong result of a
run in which all values kept their ranges (`wrong in range`) is one for want of precision, which no guard promises.
`value / bound` is, in the first run of a case, how far out the value is that left its range furthest.
A run at factor 1 has the calibrated parameters and inputs that were not calibrated on: a refusal is a false alarm.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json as json_format
import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from unittest import mock

import glue
import jax
import numpy as np
import typer
import workload
from commandline import run_command
from output import with_range
from provenance import provenance, spread
from rich.console import Console

import spu_ditto
from ditto.dialects import ring
from ditto.interpreter.exact import evaluate_exactly
from ditto.passes.ring import insert_guard
from spu_ditto import models
from spu_ditto.handle import SharedArray
from spu_ditto.nn.scope import OBSERVED_BESIDES, flat, tree_of
from spu_ditto.plain_run import main_inputs
from spu_ditto.reports.side_by_side import unguarded

Array = np.ndarray[Any, Any]
Path_ = tuple[str, ...]
Arrays = dict[Path_, Array]

# A result off by more than this part of its largest number is wrong.
WRONG = 0.05
FACTORS = (2.0, 4.0, 10.0, 100.0)
TEXTS = Path(__file__).parent / "data" / "unrated_pairs.tsv"

console = Console(stderr=True)


class Part(StrEnum):
    cost = "cost"
    finds = "finds"


class Push(StrEnum):
    aligned = "aligned"
    weights = "weights"
    scales = "scales"


@dataclass(frozen=True)
class Subject:
    """A model: that of the package with MiniLM's weights, or random weights of a configuration."""

    name: str
    tokens: int
    layers: int
    shape: str = "minilm"
    options: Mapping[str, Any] = field(default_factory=dict)

    def load(self, full: bool, seed: int) -> models.Model:
        """The model, with fewer layers unless `full`."""
        loaded = models.load(
            self.shape,
            random_weights=self.shape != "minilm",
            layers=None if full else self.layers,
            seed=seed,
            config=self.options,
        )
        return dataclasses.replace(loaded, name=self.name)


COST = (
    Subject("MiniLM", 32, 6),
    Subject("BERT-base", 128, 1, "bert-base"),
    Subject("GPT2", 32, 1, "gpt2"),
    Subject("ViT", 197, 1, "vit"),
)
FINDS = (
    Subject("MiniLM", 32, 1),
    Subject("BERT-base", 16, 1, "bert-base"),
    Subject("GPT2", 8, 1, "gpt2", {"vocab_size": 4096}),
    Subject("ViT", 17, 1, "vit", {"image_size": 64}),
)
TINY = Subject(
    "tiny BERT",
    8,
    1,
    "bert-base",
    {
        **{"vocab_size": 100, "hidden_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2},
        **{"intermediate_size": 128, "max_position_embeddings": 16},
    },
)


@dataclass(frozen=True)
class Guard:
    """A way to guard.

    Attributes:
        halved: half of a range is legal everywhere, not three quarters of it.
        wider: bits that every value has more than the plan says, legal only in what the plan says.
        small: up to how many elements tensors are checked for certain.
    """

    name: str
    halved: bool = False
    wider: int = 0
    small: int = insert_guard.SMALL

    @contextlib.contextmanager
    def inserted(self) -> Iterator[None]:
        """Programs compiled meanwhile are guarded in this way, but for what is legal."""
        with mock.patch.object(insert_guard, "SMALL", self.small):
            yield


AS_IT_IS = Guard("as it is")
# What would find more, measured with --guards where it is hardest, and where nothing is wrong.
OTHERS = {
    "half": Guard("half is legal", halved=True),
    "wider": Guard("a bit more, half is legal", halved=True, wider=1),
    "certain": Guard("certain up to 2^20 elements", small=2**20),
}
Other = StrEnum("Other", list(OTHERS))  # type: ignore[misc]


@dataclass(frozen=True)
class Calibrated:
    """A model and its plan, compiled for one set of shapes."""

    model: models.Model
    plan: spu_ditto.Plan
    samples: Sequence[workload.Inputs]
    bounds: dict[Path_, float]

    def compile(self, guard: Guard | None, lifted: Mapping[Path_, float] | None = None) -> spu_ditto.Compiled:
        """The program, with the bounds of arguments in `lifted` times their factor; unguarded if `guard` is None."""
        wider = 0 if guard is None else guard.wider
        places = {f"arg{n}": path for n, path in enumerate(self.bounds)}
        ranges = [
            dataclasses.replace(r, bound=self.plan.bound(r) * (lifted or {}).get(places.get(r.place, ()), 1.0))
            if r.place.startswith("arg")
            else dataclasses.replace(r, bound=self.plan.bound(r) * 2.0**wider)
            for r in self.plan.ranges
        ]
        plan = dataclasses.replace(self.plan, ranges=tuple(ranges))
        with contextlib.nullcontext() if guard is None else guard.inserted():
            secure = spu_ditto.compile(self.model.apply, ring_policy=plan, guard="off" if guard is None else "on")
            compiled = secure.lower(self.model.params, self.samples[0]).compile()
        return compiled if guard is None else _looked_at(compiled, guard)


def _edited(compiled: spu_ditto.Compiled, engine: dict[str, Any]) -> spu_ditto.Compiled:
    program = dataclasses.replace(compiled.program, engine=json_format.dumps(engine))
    return spu_ditto.Compiled(compiled.signature, program)


def _looked_at(compiled: spu_ditto.Compiled, guard: Guard) -> spu_ditto.Compiled:
    """What is legal, as a guard has it."""
    engine = json_format.loads(compiled.program.engine)
    for op in engine["ops"]:
        if op["op"] == "require_range" and guard.halved:
            op["attrs"]["legal"] = 2
    return _edited(compiled, engine)


def calibrate(model: models.Model, tokens: int) -> Calibrated:
    """Calibrates as bench/bert_glue.py does."""
    samples = workload.calibration_inputs(model, 1, tokens)
    secure = spu_ditto.compile(model.apply, calibration=[(model.params, inputs) for inputs in samples])
    lowered = secure.lower(model.params, samples[0])
    assert lowered.plan is not None
    compiled = lowered.compile()
    entries = {r.place: lowered.plan.bound(r) for r in lowered.plan.ranges}
    bounds: dict[Path_, float] = {}
    for n, binding in enumerate(compiled.program.inputs):
        name = compiled.signature.arguments[binding.index].name
        bounds[tuple(name.split("/")[1:])] = entries.get(f"arg{n}", math.inf)
    return Calibrated(model, lowered.plan, samples, bounds)


def cost(subject: Subject, guards: Sequence[Guard], full: bool, seed: int, repetitions: int) -> dict[str, Any]:
    """Bytes and rounds of one program without its guard and with each of `guards`; seconds with the first."""
    model = subject.load(full, seed)
    calibrated = calibrate(model, subject.tokens)
    programs = {"on": calibrated.compile(guards[0]), "off": calibrated.compile(None)}
    weights = spu_ditto.share(model.params)
    seconds: dict[str, list[float]] = {"on": [], "off": []}
    # The first run of each shares the weights and fills caches.
    for number in range(repetitions + 1):
        for name, program in programs.items():
            report = program.run(weights, calibrated.samples[0])[1]
            if number:
                seconds[name].append(report.seconds)
    return {
        "model": subject.name,
        "layers": model.layers,
        "tokens": subject.tokens,
        **{
            name: {**sizes(p), "seconds": statistics.median(seconds[name]), "spread": spread(seconds[name])}
            for name, p in programs.items()
        },
        "others": {guard.name: sizes(calibrated.compile(guard)) for guard in guards[1:]},
    }


def sizes(program: spu_ditto.Compiled) -> dict[str, Any]:
    """What a program sends, and in how many rounds."""
    analysis = program.cost_analysis()
    offline, online = analysis.offline_bytes, analysis.online_bytes
    return {"bytes": {"offline": offline, "online": online, "total": offline + online}, "rounds": analysis.rounds}


def inputs_of(model: models.Model, tokens: int, count: int, seed: int) -> Iterator[workload.Inputs]:
    """Inputs that nothing was calibrated on."""
    if model.tokenizer is None:
        for number in range(count):
            yield model.make_inputs(1, tokens, seed=seed * 10_000 + 2_000 + number)
        return
    examples = glue.read(glue.TASKS["stsb"], TEXTS, rated=False)
    assert examples.second is not None
    texts = np.random.default_rng(seed).permutation([*examples.first, *examples.second])
    for number in range(count):
        yield model.encode([str(texts[number % len(texts)])], seq_len=tokens)


def is_scale(path: Path_) -> bool:
    """Whether a parameter is a LayerNorm's."""
    return any(part.lower().startswith(("layernorm", "ln_")) for part in path)


def activations(model: models.Model, inputs: workload.Inputs) -> dict[Path_, Array]:
    """What each matrix of a layer is multiplied with, by the matrix's name: [rows, size], in float32."""
    found: dict[Path_, Array] = {}

    def note(name: str, value: Any) -> None:
        if not name.endswith(OBSERVED_BESIDES):
            found[(*name.split("."), "weight")] = np.asarray(value).reshape(-1, value.shape[-1])

    model.run(model.params, inputs, {}, note)
    return {path: x for path, x in found.items() if {"layer", "h"} & set(path)}


def columns(model: models.Model, kernel: Array) -> Array:
    """A matrix of a layer as [in, out]: only GPT2 keeps its own so."""
    return kernel if model.config["model_type"] == "gpt2" else kernel.T


def _flat(params: Any) -> Arrays:
    return {tuple(name.split(".")): array for name, array in flat(params)}


def _tree(arrays: Mapping[Path_, Any]) -> Any:
    return tree_of({".".join(path): array for path, array in arrays.items()})


class Pusher:
    """Makes the parameters that push a calibrated program."""

    def __init__(self, calibrated: Calibrated) -> None:
        self.calibrated, self.model = calibrated, calibrated.model
        self.params: Arrays = _flat(self.model.params)
        self.largest: dict[Path_, float] = {}
        for sample in calibrated.samples:
            for path, x in activations(self.model, sample).items():
                product = float(np.max(np.abs(x @ columns(self.model, self.params[path]))))
                self.largest[path] = max(product, self.largest.get(path, 0.0))

    def limit(self, path: Path_) -> float:
        """The largest entry that is shared without an error, and a little less."""
        return self.calibrated.bounds[path] * (1 - 2.0**-4)

    def lifted(self, push: Push, factor: float) -> dict[Path_, float]:
        """The arguments whose bounds are raised."""
        return {p: 2.0 ** math.ceil(math.log2(factor)) for p in self.params if push is Push.scales and is_scale(p)}

    def changed(self, push: Push, factor: float, inputs: workload.Inputs, rng: np.random.Generator) -> Arrays:
        """The parameters that differ from the calibrated ones."""
        if factor == 1:
            return {}
        if push is Push.scales:
            return {path: np.float32(factor) * array for path, array in self.params.items() if is_scale(path)}
        if push is Push.weights:
            return {
                path: np.clip(factor * self.params[path], -self.limit(path), self.limit(path)).astype(np.float32)
                for path in self.largest
            }
        return self.aligned(factor, inputs, rng)

    def aligned(self, factor: float, inputs: workload.Inputs, rng: np.random.Generator) -> Arrays:
        paths = sorted(self.largest)
        path = paths[rng.integers(len(paths))]
        found = activations(self.model, inputs)[path]
        # Padding is not looked at.
        rows = int(np.sum(inputs["attention_mask"])) if "attention_mask" in inputs else len(found)
        row = found[rng.integers(rows if rows <= len(found) else len(found))]
        kernel = np.array(columns(self.model, self.params[path]))
        column, limit = kernel[:, rng.integers(kernel.shape[1])], self.limit(path)

        def turned(by: float) -> Array:
            return np.clip(column + by * np.sign(row), -limit, limit)

        low, high = 0.0, 2 * limit
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (middle, high) if row @ turned(middle) < factor * self.largest[path] else (low, middle)
        column[:] = turned(low)
        return {path: np.ascontiguousarray(columns(self.model, kernel))}


def excess(compiled: spu_ditto.Compiled, params: Any, inputs: workload.Inputs) -> float:
    """How many times its bound the value is that left it furthest; below 1 if none did."""
    module = ring.parse_module(compiled.program.ring)
    leaves = [np.asarray(leaf) for leaf in compiled.signature.leaves((params, inputs))]
    worst = [0.0]

    def observe(op: ring.RingOp, scaled: Array) -> None:
        # Sums that guard others may leave their rings.
        if op.get("modular") or not ring.is_fxp(op.result):
            return
        if (bits := op.get("range")) is not None:
            worst.append(float(np.max(np.abs(scaled), initial=0.0)) / 2.0**bits)

    with np.errstate(all="ignore"):
        evaluate_exactly(module, main_inputs(compiled.program, leaves, compiled.public_part(leaves)), observe)
    return max(worst)


@dataclass
class Tally:
    """Runs of one guard on one model, pushed in one way by one factor."""

    refused: int = 0
    wrong: int = 0
    found: int = 0
    in_range: int = 0
    errors: list[float] = field(default_factory=list)

    def count(self, refused: bool, error: float) -> None:
        wrong = not error <= WRONG
        self.refused += refused
        self.wrong += wrong
        self.found += wrong and refused
        if not refused:
            self.errors.append(error)


def finds(
    subject: Subject, guards: Sequence[Guard], cases: Sequence[tuple[Push, float, int]], full: bool, seed: int
) -> list[dict[str, Any]]:
    """Runs every case (push, factor, draws) on one model under every guard."""
    model = subject.load(full, seed)
    calibrated = calibrate(model, subject.tokens)
    pusher = Pusher(calibrated)
    reference = jax.jit(model.reference)
    shared = {path: SharedArray(array) for path, array in pusher.params.items()}
    results = []
    compiled_for: dict[Path_, float] | None = None
    compiled: list[spu_ditto.Compiled] = []
    for push, factor, draws in cases:
        lifted = pusher.lifted(push, factor)
        if lifted != compiled_for:
            compiled_for = lifted
            compiled = [calibrated.compile(guard, lifted) for guard in guards[: 1 if lifted else None]]
            twin = _edited(compiled[0], unguarded(json_format.loads(compiled[0].program.engine)))
        programs = compiled if push is Push.aligned else compiled[:1]
        tallies = [Tally() for _ in programs]
        rng = np.random.default_rng([seed, int(factor), list(Push).index(push)])
        furthest: list[float] = []
        known: tuple[Arrays, dict[Path_, SharedArray]] | None = None
        for inputs in inputs_of(model, subject.tokens, draws, seed):
            if known is None or push is Push.aligned:
                arrays = pusher.changed(push, factor, inputs, rng)
                known = arrays, {path: SharedArray(array) for path, array in arrays.items()}
            params = _tree({**pusher.params, **known[0]})
            weights = _tree({**shared, **known[1]})
            plain = np.asarray(reference(params, inputs), np.float64)
            error = workload.relative_error(np.asarray(twin(weights, inputs), np.float64), plain)
            if not furthest:
                furthest.append(excess(programs[0], params, inputs))
            for tally, program in zip(tallies, programs, strict=True):
                refused, own = False, error
                try:
                    own = workload.relative_error(np.asarray(program(weights, inputs), np.float64), plain)
                except spu_ditto.RangeError as violation:
                    if "argument" in str(violation):
                        raise
                    refused = True
                tally.count(refused, own)
                if not refused and not own <= WRONG:
                    furthest.append(excess(programs[0], params, inputs))
                    tally.in_range += furthest[-1] <= 1
        for guard, tally in zip(guards, tallies):
            results.append(
                {
                    "model": subject.name,
                    "layers": model.layers,
                    "tokens": subject.tokens,
                    "guard": guard.name,
                    "push": push.value,
                    "factor": factor,
                    "draws": draws,
                    "refused": tally.refused,
                    "wrong": tally.wrong,
                    "found": tally.found,
                    "in_range": tally.in_range,
                    "excess": furthest[0],
                    "largest_error_not_refused": max(tally.errors, default=None),
                }
            )
            console.print(results[-1])
    return results


def cost_table(rows: Sequence[dict[str, Any]]) -> str:
    """Markdown: a row a model."""
    lines = [
        "| guard on / off | MB offline | MB online | MB total | bytes more | rounds | seconds, ratio |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        on, off = row["on"], row["off"]
        megabytes = " | ".join(
            f"{on['bytes'][k] / 1e6:.2f} / {off['bytes'][k] / 1e6:.2f}" for k in ("offline", "online", "total")
        )
        more = on["bytes"]["total"] / off["bytes"]["total"] - 1
        # Of runs that followed one another.
        ratios = [a / b for a, b in zip(on["spread"]["all"], off["spread"]["all"], strict=True)]
        lines.append(
            f"| {row['model']}, {row['layers']} layers, {row['tokens']} tokens | {megabytes} | {100 * more:.2f} % | "
            f"{on['rounds']} / {off['rounds']} | {with_range(spread(ratios))} |"
        )
        for name, other in row["others"].items():
            more = other["bytes"]["total"] / off["bytes"]["total"] - 1
            lines.append(f"| the same, {name} | | | | {100 * more:.2f} % | {other['rounds']} / {off['rounds']} | |")
    return "\n".join(lines)


def finds_table(rows: Sequence[dict[str, Any]]) -> str:
    """Markdown: a row a model, guard, push and factor."""
    lines = [
        "| model | guard | pushed | factor | value / bound | runs | refused | wrong | wrong and refused | "
        "wrong in range | largest error not refused |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        error = row["largest_error_not_refused"]
        lines.append(
            f"| {row['model']} | {row['guard']} | {'' if row['factor'] == 1 else row['push']} | {row['factor']:g} | "
            f"{row['excess']:.2g} | {row['draws']} | {row['refused']} | {row['wrong']} | {row['found']} | "
            f"{row['in_range']} | {'' if error is None else f'{100 * error:.2g} %'} |"
        )
    return "\n".join(lines)


def main(
    only: Annotated[Part | None, typer.Option(help="One of the two parts.")] = None,
    model: Annotated[list[str] | None, typer.Option(help="Only models of these names.")] = None,
    full: Annotated[bool, typer.Option("--full", help="All layers.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="A tiny model, two runs a case.")] = False,
    guards: Annotated[list[Other] | None, typer.Option(help="Also these ways to guard.")] = None,
    push: Annotated[list[Push] | None, typer.Option(help="Only these ways to push.")] = None,
    draws: Annotated[int, typer.Option(min=1, help="Runs a case.")] = 20,
    quiet: Annotated[int, typer.Option(min=1, help="Runs that must not be refused.")] = 50,
    repetitions: Annotated[int, typer.Option(min=1, help="Runs whose median time is taken.")] = 5,
    seed: Annotated[int, typer.Option(help="Of random weights, inputs and pushes.")] = 0,
    json: Annotated[Path | None, typer.Option(help="Write the results to this file.")] = None,
) -> None:
    """Prints the tables as Markdown; progress goes to standard error."""
    used = (AS_IT_IS, *(OTHERS[name] for name in guards or ()))
    result: dict[str, Any] = {"made_with": provenance(locals(), [seed]), "cost": [], "finds": []}
    factors: Sequence[float] = FACTORS
    if quick:
        draws, quiet, repetitions, factors = 2, 2, 1, (4.0, 100.0)
    cases = [(Push.aligned, 1.0, quiet), *((p, factor, draws) for p in push or Push for factor in factors)]

    def chosen(subjects: Sequence[Subject]) -> list[Subject]:
        return [TINY] if quick else [s for s in subjects if not model or s.name in model]

    with contextlib.ExitStack() as stack:
        if json is not None:
            stack.callback(lambda: json.write_text(json_format.dumps(result, indent=2) + "\n"))
        if only in (None, Part.cost):
            for subject in chosen(COST):
                result["cost"].append(cost(subject, used, full, seed, repetitions))
                console.print(result["cost"][-1])
            print(cost_table(result["cost"]), end="\n\n", flush=True)
        if only in (None, Part.finds):
            for subject in chosen(FINDS):
                result["finds"] += finds(subject, used, cases, full, seed)
            print(finds_table(result["finds"]), flush=True)


if __name__ == "__main__":
    run_command(main)
