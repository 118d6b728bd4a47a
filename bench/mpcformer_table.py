#!/usr/bin/env python3
"""MPCFormer's table: BERT-base with its stand-ins for softmax and GELU, among our three parties and as published.

    bench/mpcformer_table.py                      # costs, a quarter of an hour
    bench/mpcformer_table.py --runs runs          # and accuracies: replaced, and as they were trained there
    bench/mpcformer_table.py --full --runs runs   # and trains what is missing: hours

Weights of BERT-base are random, and secret: bytes, rounds and seconds do not depend on them. Bytes are those of all
parties. Seconds are measured among threads of this process, with nothing and with a network between them (medians, with
the least and the most; in a network one execution), and predicted by the cost analysis, which tries out computing here,
as busy as this machine is. Times faster are those of what the network alone takes. Accuracies are of another model than
those that are published: MiniLM, on rated sentences of film reviews, taught as `spu-ditto distill` does.
"""

from __future__ import annotations

import json as json_format
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from commandline import RunsFolder, check_extent, run_command
from drawing import draw_bars
from freediv_table import STOCK, Combination
from output import Steps, say, with_range
from priced import NETWORKS, megabytes, priced
from provenance import provenance
from published import cell, published
from taught import Runs, accuracy_of, texts_of

import spu_ditto
from spu_ditto import models
from spu_ditto.distill.recipe import Recipe, Stage, recipe
from spu_ditto.distill.run import samples_to_fit
from spu_ditto.nn.fit import fit

SEED = 0

BOTH = Combination("2quad", "quad")
ROWS = (STOCK, Combination("raw", "quad"), Combination("2quad", "raw"), BOTH, Combination("2relu", "quad"))


@dataclass(frozen=True)
class Shape:
    """A BERT with random weights, and how many tokens it takes."""

    name: str
    settings: dict[str, Any]
    tokens: int

    def model(self) -> models.Model:
        """Stock."""
        return models.load("bert-base", random_weights=True, seed=SEED, config=self.settings)


BERT = Shape("BERT-base, 128 tokens", {}, 128)
QUICK = Shape(
    "BERT, 1 layer of 64, 32 tokens",
    {
        "num_hidden_layers": 1,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_attention_heads": 4,
        "vocab_size": 100,
        "max_position_embeddings": 32,
    },
    32,
)


def rows(shape: Shape, between: Sequence[str], done: Steps) -> list[dict[str, Any]]:
    """What the network costs with each of the stand-ins, and what is published of them."""
    stock = shape.model()
    inputs = stock.make_inputs(1, shape.tokens, seed=SEED)
    known = published("mpcformer")["rows"]
    found = []
    for one in ROWS:
        made = one.of(stock)
        costs = priced(made.apply, made.params, inputs, made.fraction_bits, run=True, networks=between)
        found.append({"name": one.name, "published": known.get(one.name), "ours": costs})
        done(one.name)
    return found


# ------------------------------------------------------------------------------------------------ accuracies


def students() -> dict[str, tuple[Combination, str, Recipe]]:
    """By names of new folders: what stands in the student, how it is trained, and its recipe."""
    whole, relu, gelu = recipe("mpcformer"), Combination("2relu", "quad"), Combination("2quad", "raw")
    alone = Stage(steps=sum(stage.steps for stage in whole.stages), rate=1e-5, warmup=0.1, labels=1.0)
    taught = "with the teacher"
    return {
        "mpcformer": (BOTH, taught, whole),
        "mpcformer-2relu": (relu, taught, recipe("mpcformer", attention="2relu")),
        "mpcformer-gelu": (gelu, taught, recipe("mpcformer", activation="raw")),
        "mpcformer-labels": (BOTH, "with labels alone", whole.model_copy(update={"stages": (alone,)})),
    }


def accuracies(runs: Runs, full: bool) -> list[dict[str, Any]] | None:
    """Of the teacher, of its students as they are made, and of those that have been trained.

    Args:
        full: whether students that are not there are trained.

    Returns:
        Rows as `spu-ditto distill` writes them, of untrained students the accuracy in float32 alone; None without a
        teacher.

    Raises:
        spu_ditto.DittoError: texts or a teacher are not at hand.
    """
    trained: list[dict[str, Any]] = []
    first: dict[str, Any] | None = None
    for folder, (stand_ins, how, made) in students().items():
        rows = runs.distilled(folder, made) if full else runs.results(made)
        if rows is not None:
            first = first or rows[0]
            trained.append({**rows[-1], "name": f"{stand_ins.name}: trained {how}"})
    place = runs.teacher()
    if place is None:
        say(f"{runs.folder} has no teacher, so that there are no accuracies: --full trains it")
        return None
    teacher = models.load(place)
    texts = texts_of(teacher, "test")
    untrained = {f"{one.name}: weights as they were": one.of(teacher) for one in ROWS[1:]}
    samples = samples_to_fit(texts_of(teacher, "train"), SEED)
    untrained["2quad with head shifts, neuron quadratics: fitted"] = fit(
        teacher, samples, attention="2quad", activation="quadratic"
    )
    rows = [first or {"name": "teacher", "plain": accuracy_of(teacher, texts)}]
    for name, student in untrained.items():
        rows.append({"name": name, "plain": accuracy_of(student, texts)})
        say(f"{name}: {100 * rows[-1]['plain']:.1f} % of the texts are right")
    return rows + trained


# ------------------------------------------------------------------------------------------------ Markdown


def markdown(result: dict[str, Any]) -> str:
    """All tables."""
    lines = [*costs(result["shape"], result["rows"]), "", *glue()]
    if result["accuracies"] is not None:
        lines += ["", "| MiniLM, sentiment | accuracy, float32 | secure | MB | rounds |", "|---|---|---|---|---|"]
        for row in result["accuracies"]:
            cells = [row["name"], f"{100 * row['plain']:.1f} %"]
            secure = row.get("secure")
            cells.append("" if secure is None else f"{100 * secure:.1f} % of {row['samples']}")
            cells += ["" if row.get("bytes") is None else f"{row['bytes'] / 1e6:.1f}", str(row.get("rounds") or "")]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def costs(shape: str, found: Sequence[dict[str, Any]]) -> Iterator[str]:
    """What the network costs, and how many times as fast as stock it is."""
    head = [shape, "MB offline, online", "rounds", "s, measured"]
    head += [f"{name}, s: predicted, measured" for name in NETWORKS]
    head += ["bytes, of stock's", *(f"times faster, {name} alone" for name in NETWORKS)]
    head += ["published: times faster", "GLUE, %", "undistilled, %"]
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    stock = found[0]["ours"]
    for row in found:
        own, known = row["ours"], row["published"] or {}
        cells = [row["name"], ", ".join(f"{own['bytes'][part] / 1e6:.1f}" for part in ("offline", "online"))]
        cells += [str(own["rounds"]), with_range(own["measured"]["none"])]
        for name in NETWORKS:
            runs = own["measured"].get(name)
            told = [f"{own['predicted'][name]:.2f}", *([] if runs is None else [with_range(runs)])]
            cells.append(", ".join(told))
        cells.append(f"{megabytes(own) / megabytes(stock):.2f}")
        cells += [f"{stock['network'][name] / own['network'][name]:.2f}" for name in NETWORKS]
        cells.append(cell(known.get("times_faster")))
        cells += [cell(known.get(key), ".1f") for key in ("average", "average_undistilled")]
        yield f"| {' | '.join(cells)} |"


def glue() -> Iterator[str]:
    """What is published of each task."""
    known = published("mpcformer")
    yield f"| published, BERT-base: % | {' | '.join(known['columns'])} |"
    yield "|---" * (1 + len(known["columns"])) + "|"
    for name, row in known["rows"].items():
        yield f"| {name} | {' | '.join(format(number, '.1f') for number in row['glue'])} |"


def plot(path: Path, shape: str, found: Sequence[dict[str, Any]]) -> None:
    """How many times as fast as stock."""
    stock = found[0]["ours"]
    series: dict[str, list[float | None]] = {
        f"{name} alone": [stock["network"][name] / row["ours"]["network"][name] for row in found] for name in NETWORKS
    }
    series["published"] = [(row["published"] or {}).get("times_faster") for row in found]
    draw_bars(path, f"{shape}: times as fast as stock", [row["name"] for row in found], series)


def main(
    quick: Annotated[bool, typer.Option("--quick", help="One small layer, in a minute.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Train the students that are not there.")] = False,
    runs: RunsFolder = None,
    json: Annotated[Path | None, typer.Option(help="Write the results to this file.")] = None,
    plot_file: Annotated[Path | None, typer.Option("--plot", help="Draw the first table into this PNG.")] = None,
) -> None:
    """Prints the tables as Markdown; progress goes to standard error."""
    made_with = provenance(locals(), [SEED])
    check_extent(quick, full, runs, "distils")
    shape = QUICK if quick else BERT
    known, puma = published("mpcformer"), published("puma")
    by_puma = puma["mpcformer"]["BERT-base, 128 tokens"]
    try:
        found = rows(shape, () if quick else NETWORKS, Steps(len(ROWS)))
        trained = None if quick or runs is None else accuracies(Runs(runs), full)
    except spu_ditto.DittoError as error:
        raise typer.BadParameter(str(error)) from error
    result = {
        "made_with": made_with,
        "published": {"source": known["source"], "setting": known["setting"]},
        "shape": shape.name,
        "rows": found,
        "accuracies": trained,
    }
    print(f"Published: {known['source']}; {known['setting']}. Its code as {puma['source']} ran it,")
    print(f"{puma['mpcformer_setting']}: {by_puma['seconds']:.2f} s, {by_puma['gigabytes']:.2f} GB.\n")
    print(markdown(result))
    if plot_file is not None:
        plot(plot_file, shape.name, found)
    if json is not None:
        json.write_text(json_format.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    run_command(main)
