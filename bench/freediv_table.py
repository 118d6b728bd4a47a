#!/usr/bin/env python3
"""freeDiv's comparison: attention and activation, each as the model has it or replaced, in BERT-base of 128 tokens.

    bench/freediv_table.py                      # all layers, run here; half an hour on two cores
    bench/freediv_table.py --runs runs          # and accuracies: replaced, and as they were distilled there
    bench/freediv_table.py --full --runs runs   # runs on a LAN and a WAN too, and distils what is missing

Weights are random: bytes, rounds and seconds do not depend on them. Nothing is calibrated. Seconds that are measured
are those of three threads of this process; predicted are an execution with a network in between, computing as it is
tried out on this machine, as busy as it is. Times faster are those of what the network alone takes of the first row,
which has softmax and GELU; they depend on bytes and rounds only. What papers report was measured on other machines,
with other protocols.
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
from spu_ditto.distill.recipe import Recipe, recipe


@dataclass(frozen=True)
class Combination:
    """What stands for softmax and for GELU; "raw" is the model's own."""

    attention: Any
    activation: Any

    @property
    def name(self) -> str:
        own = {"raw": "softmax"}.get(self.attention, self.attention)
        return f"{own}, {'GELU' if self.activation == 'raw' else self.activation}"

    def of(self, model: models.Model) -> models.Model:
        return model.converted(self.attention, self.activation)

    def recipe(self) -> Recipe:
        """Its student is made by the same two stages, whatever it replaces; not of the first, which is the teacher."""
        by_attention = {"raw": "ditto", "2quad": "mpcformer"}
        return recipe(by_attention.get(self.attention, "freediv"), self.attention, self.activation)


STOCK = Combination("raw", "raw")
COMBINATIONS = (
    STOCK,
    Combination("raw", "quad"),
    Combination("2quad", "raw"),
    Combination("2quad", "quad"),
    Combination("softmax-freediv", "raw"),
    Combination("softmax-freediv", "quad"),
    Combination("2quad-freediv", "quad"),
)
_TINY = {"hidden_size": 64, "num_attention_heads": 4, "intermediate_size": 256, "vocab_size": 200}


def costs(quick: bool, full: bool, done: Steps) -> list[dict[str, Any]]:
    """What all combinations cost, beside the first."""
    small: dict[str, Any] = {"layers": 1, "config": _TINY} if quick else {}
    loaded = models.load("bert-base", random_weights=True, **small)
    inputs = loaded.make_inputs(1, 16 if quick else 128)
    rows: list[dict[str, Any]] = []
    for combination in COMBINATIONS:
        model = combination.of(loaded)
        networks = NETWORKS if full else ()
        found = priced(model.apply, model.params, inputs, model.fraction_bits, run=True, networks=networks)
        row: dict[str, Any] = {"attention": combination.attention, "activation": combination.activation, **found}
        first = rows[0] if rows else row
        row["times_less"] = {"rounds": first["rounds"] / row["rounds"], **times_less(first, row)}
        rows.append(row)
        # The parties' shares.
        gc.collect()
        done(combination.name)
    return rows


def accuracies(runs: Runs, full: bool) -> list[dict[str, float | None]]:
    """What each combination in MiniLM is right about in float32, replaced alone and distilled; None where nothing was.

    Raises:
        spu_ditto.DittoError: texts or a teacher are not at hand.
    """
    taught = [None if one == STOCK else _taught(runs, one, full) for one in COMBINATIONS]
    place = runs.teacher()
    if place is None:
        say(f"{runs.folder} has no teacher, so that nothing is replaced in one: --full trains it")
        return [{"replaced": None, "distilled": value} for value in taught]
    teacher = models.load(place)
    texts = texts_of(teacher, "test")
    found: list[dict[str, float | None]] = []
    for combination, value in zip(COMBINATIONS, taught, strict=True):
        found.append({"replaced": accuracy_of(combination.of(teacher), texts), "distilled": value})
        say(f"{combination.name}: {100 * (found[-1]['replaced'] or 0):.1f} % of the texts are right")
    return found


def _taught(runs: Runs, combination: Combination, full: bool) -> float | None:
    made = combination.recipe()
    folder = f"{combination.attention}-{combination.activation}"
    rows = runs.distilled(folder, made) if full else runs.results(made)
    return None if rows is None else rows[-1]["plain"]


def reported(row: Mapping[str, Any]) -> str:
    """What is published of the same functions."""
    own = Combination(row["attention"], row["activation"]).name
    known = published("mpcformer")["rows"].get(own)
    if known is None:
        return NOT_FOUND
    return f"MPCFormer: {known['times_faster']:.2f} times, SST-2 {known['glue'][4]:.1f} %"


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """Bytes of all parties, an inference of BERT-base; accuracies of MiniLM."""
    shaped = [name for name in NETWORKS if name in rows[0]["measured"]]
    columns = [
        *("attention, activation", "MB offline", "MB online", "MB", "times less", "rounds", "s, measured"),
        *(f"{name}, s, measured" for name in shaped),
        *(f"{name}, s, predicted (network alone)" for name in NETWORKS),
        *(f"times faster, {name} alone" for name in NETWORKS),
        *("accuracy, replaced", "accuracy, distilled", "published, other machines"),
    ]
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for row in rows:
        offline, online = (row["bytes"][part] / 1e6 for part in ("offline", "online"))
        cells = [Combination(row["attention"], row["activation"]).name]
        cells += [f"{offline:.1f}", f"{online:.1f}", f"{offline + online:.1f}", f"{row['times_less']['bytes']:.2f}"]
        cells += [str(row["rounds"]), *(with_range(row["measured"][name]) for name in ("none", *shaped))]
        cells += [f"{row['predicted'][name]:.2f} ({row['network'][name]:.2f})" for name in NETWORKS]
        cells += [f"{row['times_less'][name]:.2f}" for name in NETWORKS]
        for training in ("replaced", "distilled"):
            accuracy = row["accuracy"][training]
            cells.append("" if accuracy is None else f"{100 * accuracy:.1f} %")
        lines.append(f"| {' | '.join([*cells, reported(row)])} |")
    return "\n".join(lines)


def sources() -> str:
    """What is published beside the rows, and where it is from."""
    free, mpcformer = published("freediv"), published("mpcformer")
    tasks = ", ".join(f"{task} {known['score']} ({known['points']:+})" for task, known in free["tasks"].items())
    return (
        f"Published: {free['source']}, {free['setting']}: {free['times_faster']} times faster; {tasks}; the functions "
        f"that each of these belongs to: {NOT_FOUND}. {mpcformer['source']}, {mpcformer['setting']}."
    )


def main(
    quick: Annotated[bool, typer.Option("--quick", help="One tiny layer, in less than a minute.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Also run on a LAN and a WAN, and distil.")] = False,
    runs: RunsFolder = None,
    json: Annotated[Path | None, typer.Option(help="Write the results to this file.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw how many times faster to this PNG.")] = None,
) -> None:
    """Prints the table as Markdown; progress goes to standard error."""
    made_with = provenance(locals(), [0])
    check_extent(quick, full, runs, "distils")
    try:
        rows = costs(quick, full, Steps(len(COMBINATIONS)))
        nothing: dict[str, float | None] = {"replaced": None, "distilled": None}
        right = [nothing] * len(rows) if runs is None else accuracies(Runs(runs), full)
    except spu_ditto.DittoError as error:
        raise typer.BadParameter(str(error)) from error
    rows = [{**row, "accuracy": accuracy} for row, accuracy in zip(rows, right, strict=True)]
    print(f"{markdown(rows)}\n\n{sources()}")
    if json is not None:
        json.write_text(json_format.dumps({"made_with": made_with, "rows": rows}, indent=2) + "\n")
    if plot is not None:
        names = [Combination(row["attention"], row["activation"]).name for row in rows]
        series = {name: [row["times_less"][name] for row in rows] for name in ("bytes", *NETWORKS)}
        draw_bars(plot, "Times less than with softmax and GELU: bytes, and what the network takes", names, series)


if __name__ == "__main__":
    run_command(main)
