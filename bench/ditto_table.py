#!/usr/bin/env python3
"""Ditto's comparison: four Transformers, in one ring of 64 bits or in rings by dtype, with GELU or with a quadratic.

    bench/ditto_table.py                      # prices all, runs the base models; half an hour on two cores
    bench/ditto_table.py --runs runs          # and the accuracies of what was distilled there
    bench/ditto_table.py --full --runs runs   # runs all, also on a LAN and a WAN, and distils what is missing

Weights are random: bytes, rounds and seconds do not depend on them. Nothing is calibrated: fraction bits are Ditto's, 8
and 18. Seconds that are measured are those of three threads of this process; predicted are an execution with a network
in between, computing as it is tried out on this machine, as busy as it is. Times faster are of what the network alone
takes, which depends on bytes and rounds only. What papers report was measured on other machines.
"""

from __future__ import annotations

import gc
import json as json_format
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from commandline import RunsFolder, check_extent, run_command
from drawing import draw_bars
from output import Steps, say, with_range
from priced import NETWORKS, priced, times_less
from provenance import provenance
from published import NOT_FOUND, published
from taught import Runs, accuracy_of, texts_of

import spu_ditto
from spu_ditto import models
from spu_ditto.distill.recipe import RECIPES


@dataclass(frozen=True)
class Version:
    """What is done to a model: the rings of its values, and what its activations are."""

    name: str
    policy: str
    activation: Any


FLOAT = Version("float-faithful", "fm64", "raw")
VERSIONS = (
    FLOAT,
    Version("quad", "fm64", "quad"),
    Version("quantised", "ditto", "raw"),
    Version("all", "ditto", "quad"),
)


@dataclass(frozen=True)
class Subject:
    """A model with random weights and an input.

    Attributes:
        source: the keyword arguments of `models.load`.
        large: run with --full alone.
    """

    name: str
    source: dict[str, Any]
    seq_len: int
    large: bool = False

    def load(self) -> models.Model:
        return models.load(**self.source, random_weights=True)


_MEDIUM = {"n_embd": 1024, "n_layer": 24, "n_head": 16}
SUBJECTS = (
    Subject("BERT-base, 128 tokens", {"source": "bert-base"}, 128),
    Subject("BERT-large, 128 tokens", {"source": "bert-large"}, 128, large=True),
    Subject("GPT2-base, 32 tokens", {"source": "gpt2"}, 32),
    Subject("GPT2-medium, 32 tokens", {"source": "gpt2", "config": _MEDIUM}, 32, large=True),
)
_TINY_BERT = {"hidden_size": 64, "num_attention_heads": 4, "intermediate_size": 256, "vocab_size": 200}
_TINY_GPT2 = {"n_embd": 64, "n_head": 4, "vocab_size": 200}
QUICK = (
    Subject("BERT of one layer, 64 wide, 16 tokens", {"source": "bert-base", "layers": 1, "config": _TINY_BERT}, 16),
    Subject("GPT2 of one layer, 64 wide, 16 tokens", {"source": "gpt2", "layers": 1, "config": _TINY_GPT2}, 16),
)


def rows_of(subject: Subject, full: bool, done: Steps) -> list[dict[str, Any]]:
    """What all versions of a model cost, and how many times less than the first one."""
    loaded = subject.load()
    inputs = loaded.make_inputs(1, subject.seq_len)
    rows: list[dict[str, Any]] = []
    for version in VERSIONS:
        model = loaded.converted(activation=version.activation)
        networks = NETWORKS if full and not subject.large else ()
        row = {
            "model": subject.name,
            "version": version.name,
            "policy": version.policy,
            "activation": version.activation,
            **priced(
                model.apply,
                model.params,
                inputs,
                model.fraction_bits,
                run=full or not subject.large,
                networks=networks,
                ring_policy=version.policy,
            ),
        }
        first = rows[0] if rows else row
        row["times_less"] = times_less(first, row)
        rows.append(row)
        # The parties' shares.
        gc.collect()
        done(f"{subject.name}, {version.name}")
    return rows


def accuracies(runs: Runs, full: bool) -> list[dict[str, Any]]:
    """What each version is right about; None where nothing has been trained.

    Raises:
        spu_ditto.DittoError: texts or a teacher are not at hand.
    """
    recipe = RECIPES["ditto"]
    rows = runs.distilled("ditto", recipe) if full else runs.results(recipe)
    if rows is not None:
        teacher, untrained, last = rows[0], rows[1]["plain"], rows[-1]
        return [
            _accuracy("float-faithful", "none", teacher["plain"]),
            _accuracy("quantised", "none", teacher["secure"], teacher["samples"]),
            _accuracy("quad", "none", untrained),
            _accuracy("quad", "distilled", last["plain"]),
            _accuracy("all", "distilled", last["secure"], last["samples"]),
        ]
    place = runs.teacher()
    if place is None:
        say(f"{runs.folder} has no teacher, so that there are no accuracies: --full trains it")
        return []
    teacher = models.load(place)
    texts = texts_of(teacher, "test")
    return [
        _accuracy("float-faithful", "none", accuracy_of(teacher, texts)),
        _accuracy("quad", "none", accuracy_of(teacher.converted(activation="quad"), texts)),
        _accuracy("quad", "distilled", None),
        _accuracy("all", "distilled", None),
    ]


def _accuracy(version: str, training: str, accuracy: float | None, samples: int | None = None) -> dict[str, Any]:
    """Among three parties, of so many texts; without them in float32, of all."""
    return {"version": version, "training": training, "accuracy": accuracy, "secure_samples": samples}


def reported(row: Mapping[str, Any]) -> str:
    """What is published of the same model in the same version."""
    if row["version"] == "all" and row["model"] in published("puma")["models"]:
        ditto = published("ditto")
        puma, mpcformer = ditto["times_faster_than_puma"], ditto["times_faster_than_mpcformer"]
        return (
            f"Ditto: {puma[0]:.2f} to {puma[1]:.2f} times faster than PUMA, "
            f"{mpcformer[0]:.2f} to {mpcformer[1]:.2f} than MPCFormer"
        )
    found = []
    for system, part in (("PUMA", "models"), ("MPCFormer without quad", "mpcformer")):
        known = published("puma")[part].get(row["model"])
        if known and row["version"] == FLOAT.name:
            found.append(f"{system}: {known['seconds']:.1f} s, {1000 * known['gigabytes']:.0f} MB")
    return "; ".join(found) or NOT_FOUND


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """Bytes of all parties, an inference."""
    shaped = [name for name in NETWORKS if any(name in (row["measured"] or {}) for row in rows)]
    columns = [
        *("model", "version", "MB offline", "MB online", "MB", "times less", "rounds", "s, measured"),
        *(f"{name}, s, measured" for name in shaped),
        *(f"{name}, s, predicted (network alone)" for name in NETWORKS),
        *(f"times faster, {name} alone" for name in NETWORKS),
        "published, other machines",
    ]
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for row in rows:
        offline, online = (row["bytes"][part] / 1e6 for part in ("offline", "online"))
        cells = [row["model"], row["version"], f"{offline:.1f}", f"{online:.1f}", f"{offline + online:.1f}"]
        cells += [f"{row['times_less']['bytes']:.2f}", str(row["rounds"])]
        times = row["measured"] or {}
        cells += [with_range(times[name]) if name in times else "not run" for name in ("none", *shaped)]
        cells += [f"{row['predicted'][name]:.2f} ({row['network'][name]:.2f})" for name in NETWORKS]
        cells += [f"{row['times_less'][name]:.2f}" for name in NETWORKS]
        lines.append(f"| {' | '.join([*cells, reported(row)])} |")
    return "\n".join(lines)


def accuracy_markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """MiniLM on rated sentences, beside what PUMA reports of BERT-base."""
    puma = published("puma")["accuracy"].items()
    faithful = "PUMA, secure (float32): " + ", ".join(
        f"{task} {known['secure']:.3f} ({known['float32']:.3f})" for task, known in puma
    )
    lines = ["| version | training | accuracy | of texts | published, other tasks |", "|---|---|---|---|---|"]
    for row in rows:
        accuracy = "not trained" if row["accuracy"] is None else f"{100 * row['accuracy']:.1f} %"
        samples = row["secure_samples"]
        texts = "all, in float32" if samples is None else f"{samples}, three parties"
        beside = faithful if row["version"] == FLOAT.name else NOT_FOUND
        lines.append(f"| {row['version']} | {row['training']} | {accuracy} | {texts} | {beside} |")
    return "\n".join(lines)


def sources() -> str:
    """Where the published figures are from."""
    tables = [published(name) for name in ("ditto", "puma")]
    return "Published: " + "; ".join(f"{table['source']}, {table['setting']}" for table in tables) + "."


def main(
    quick: Annotated[bool, typer.Option("--quick", help="Two tiny models, in less than a minute.")] = False,
    full: Annotated[
        bool, typer.Option("--full", help="Also run the large models, and the others on a LAN and a WAN; distil.")
    ] = False,
    runs: RunsFolder = None,
    json: Annotated[Path | None, typer.Option(help="Write the results to this file.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the megabytes to this PNG.")] = None,
) -> None:
    """Prints the table as Markdown; progress goes to standard error."""
    made_with = provenance(locals(), [0])
    check_extent(quick, full, runs, "distils")
    subjects = QUICK if quick else SUBJECTS
    done = Steps(len(subjects) * len(VERSIONS))
    try:
        rows = [row for subject in subjects for row in rows_of(subject, full, done)]
        right = [] if runs is None else accuracies(Runs(runs), full)
    except spu_ditto.DittoError as error:
        raise typer.BadParameter(str(error)) from error
    print(markdown(rows))
    if right:
        print(f"\n{accuracy_markdown(right)}")
    print(f"\n{sources()}")
    if json is not None:
        result = {"made_with": made_with, "rows": rows, "accuracies": right}
        json.write_text(json_format.dumps(result, indent=2) + "\n")
    if plot is not None:
        parts = {part: [row["bytes"][part] / 1e6 for row in rows] for part in ("offline", "online")}
        draw_bars(plot, "MB of all parties", [f"{row['model']}, {row['version']}" for row in rows], parts)


if __name__ == "__main__":
    run_command(main)
