#!/usr/bin/env python3
"""MPCViT's table: Vision Transformers whose heads do different things, among our three parties and as published.

    bench/mpcvit_table.py                      # costs, and CIFAR's networks run: half an hour on two cores
    bench/mpcvit_table.py --full --runs runs   # Tiny-ImageNet's run too, and accuracies of small networks: hours

A part μ of all heads keeps rsattn, the others do scale; which heads do, MPCViT learns, and here they are in as few
layers as they fill, or in all of them alike, for a layer pays the rounds of the dearest of its heads. Weights are
random, and secret: bytes, rounds and seconds do not depend on them. Bytes are those of all parties, of one picture.
Seconds are measured among threads of this process, with nothing and with a network between them (medians, with the
least and the most; in a network one execution), and predicted by the cost analysis, which tries out computing here, as
busy as this machine is; parts of softmax's are of what the network alone takes. What is published is of another
machine, of two parties without a dealer, and of a WAN that is not described.
"""

from __future__ import annotations

import json as json_format
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from commandline import RunsFolder, check_extent, run_command
from drawing import draw_bars
from output import Steps, say, with_range
from priced import NETWORKS, megabytes, priced
from provenance import provenance
from published import NOT_FOUND, cell, published

import spu_ditto
from ditto.policy.link import get_link
from spu_ditto import models
from spu_ditto.data.images import ImageSet, Pictures
from spu_ditto.nn import vit
from spu_ditto.nn.forms import ActivationForm, AttentionForm, Form
from spu_ditto.nn.scope import Scope, from_tree
from spu_ditto.search.prices import Price
from spu_ditto.search.vit import small_vit

Heads = tuple[tuple[AttentionForm, ...], ...]

KEPT = (0.1, 0.3, 0.5, 0.7)
SEED = 0


@dataclass(frozen=True)
class Shape:
    """Networks of one shape, and what they are published for.

    Attributes:
        layers, heads, width: of the network.
        patch, side: squares of so many pixels, of pictures of so many.
    """

    name: str
    layers: int
    heads: int
    width: int
    patch: int
    side: int
    classes: int
    published: tuple[str, ...]

    def model(self) -> models.Model:
        """With random weights."""
        blank = Pictures(np.zeros((1, self.side, self.side, 3), np.uint8), np.zeros(1, np.int64))
        pictures = ImageSet(blank, blank, blank, tuple(f"class {n}" for n in range(self.classes)))
        return small_vit(pictures, f"{self.layers}x{self.heads}x{self.width}", self.patch, SEED)


CIFAR = Shape("CIFAR: 7 layers, 4 heads, 256 wide, 65 tokens", 7, 4, 256, 4, 32, 10, ("CIFAR-10", "CIFAR-100"))
TINY = Shape("Tiny-ImageNet: 9 layers, 12 heads, 192 wide, 257 tokens", 9, 12, 192, 4, 64, 200, ("Tiny-ImageNet",))
QUICK = Shape("2 layers, 4 heads, 32 wide, 5 tokens", 2, 4, 32, 8, 16, 10, ("CIFAR-10",))


@dataclass(frozen=True)
class Network:
    """A row: what heads and layers do.

    Attributes:
        published: what the row is called in bench/data/published.toml.
        attention: of all heads, or of each; None if there is no such form here.
    """

    name: str
    published: str
    attention: AttentionForm | Heads | None
    activation: ActivationForm = "raw"


def networks(shape: Shape, kept: Sequence[float]) -> list[Network]:
    """All rows of a table, softmax first."""
    found = [
        Network("softmax", "softmax", "raw"),
        Network("rsattn", "rsattn", "rsattn"),
        Network("scale", "scale", "scale"),
    ]
    for part in kept:
        name = f"μ = {part:g}"
        together, apart = placements(shape, part)
        found += [Network(f"{name}, in few layers", name, together), Network(f"{name}, in all layers", name, apart)]
    found += [
        Network("MPCFormer: 2quad, quad", "MPCFormer", "2quad", "quad"),
        Network("THE-X: relu for GELU, no more of it", "THE-X", "raw", "relu"),
    ]
    ranks = [f"Linformer {rank}" for rank in (0.3, 0.5, 0.7)]
    known = published("mpcvit")
    return found + [Network(name, name, None) for name in ranks if any(name in known[part] for part in shape.published)]


def placements(shape: Shape, part: float) -> tuple[Heads, Heads]:
    """So many heads with rsattn: in the last layers, which they fill; and equally many in each layer, but for one."""
    total = shape.layers * shape.heads
    kept = round(part * total)
    # Of each layer, the place of its first head among all.
    firsts = range(0, total, shape.heads)
    last = [min(shape.heads, max(0, first + shape.heads - (total - kept))) for first in firsts]
    alike = [(n + 1) * kept // shape.layers - n * kept // shape.layers for n in range(shape.layers)]
    together, apart = (
        tuple(("rsattn",) * count + ("scale",) * (shape.heads - count) for count in counts) for counts in (last, alike)
    )
    return together, apart


def rows(shape: Shape, kept: Sequence[float], run: bool, between: Sequence[str], done: Steps) -> list[dict[str, Any]]:
    """What all networks of a shape cost, with what is published of them."""
    model = shape.model()
    known = published("mpcvit")
    found = []
    for network in networks(shape, kept):
        row: dict[str, Any] = {
            "network": network.name,
            "published": {name: known[name].get(network.published) for name in shape.published},
            "ours": None,
        }
        if network.attention is not None:
            made = model.converted(network.attention, (network.activation,) * shape.layers)
            row["ours"] = priced(
                made.apply, made.params, made.make_inputs(1), made.fraction_bits, run=run, networks=between
            )
        done(f"{shape.name}: {network.name}")
        found.append(row)
    return found


def parts(shape: Shape, done: Steps) -> list[dict[str, Any]]:
    """The embedding of squares and the halves of a layer, each compiled and run alone."""
    model = shape.model()
    inputs = model.make_inputs(1)["pixel_values"]
    tokens = 1 + (shape.side // shape.patch) ** 2
    hidden = np.random.default_rng(SEED).standard_normal((1, tokens, shape.width), np.float32)

    def place(params: Any) -> Scope:
        return Scope(from_tree(params), model.precision) / "vit"

    def embedding(params: Any, pixels: Any) -> Any:
        return vit.embeddings(place(params) / "embeddings", model.config, pixels)

    def half(part: Any, form: Form) -> Any:
        return lambda params, x: part(place(params) / "encoder" / "layer" / 0, model.config, x, form)

    attentions: tuple[AttentionForm, ...] = ("raw", "rsattn", "scale", "2quad")
    activations: tuple[ActivationForm, ...] = ("raw", "quad", "relu")
    compiled = [("patch embedding", embedding, inputs)]
    compiled += [
        (f"attention: {'softmax' if name == 'raw' else name}", half(vit.attention, Form(name)), hidden)
        for name in attentions
    ]
    compiled += [
        (f"MLP: {'GELU' if name == 'raw' else name}", half(vit.mlp, Form(activation=name)), hidden)
        for name in activations
    ]
    found = []
    for name, function, x in compiled:
        found.append({"part": name, **priced(function, model.params, x, model.fraction_bits, run=True)})
        done(f"{shape.name}: {name}")
    return found


# ------------------------------------------------------------------------------------------------ accuracies


def accuracies(folder: Path, train: bool) -> list[dict[str, Any]] | None:
    """Of `spu-ditto search` on the animals, with MPCViT's own rule; None if it has not been run, and is not to be.

    Raises:
        spu_ditto.UnsupportedError: there is another run in the folder.
    """
    from spu_ditto.search import Settings, search

    if not train and not (folder / "results.json").is_file():
        return None
    settings = Settings(patch=7, attention=("rsattn", "scale"), keep=KEPT)
    if train:
        return [asdict(row) for row in search("animals", folder, settings, seed=SEED, told=say).rows]
    known = json_format.loads((folder / "search.json").read_text())
    if known != {"data": "animals", "seed": SEED, **settings.model_dump(mode="json")}:
        raise spu_ditto.UnsupportedError(f"{folder} holds another search, see search.json there; use another folder")
    results: list[dict[str, Any]] = json_format.loads((folder / "results.json").read_text())
    return results


# ------------------------------------------------------------------------------------------------ Markdown


def markdown(result: dict[str, Any]) -> str:
    """All tables."""
    lines: list[str] = []
    for table in result["tables"]:
        lines += [*costs(table), ""]
    lines += [*layers(result["tables"][0]), "", *halves(result["parts"])]
    if result["accuracies"] is not None:
        lines += ["", "| animals, 4 layers, 4 heads, 128 wide | accuracy | MB | rounds | WAN, s: network |"]
        lines.append("|---|---|---|---|---|")
        lines += [
            f"| {row['name']} | {100 * row['accuracy']:.1f} % | {row['bytes'] / 1e6:.2f} | {row['rounds']} | "
            f"{row['seconds']:.2f} |"
            for row in result["accuracies"]
        ]
    return "\n".join(lines)


def costs(table: dict[str, Any]) -> Iterator[str]:
    """What the networks of a shape cost, in full and as parts of softmax's."""
    first = table["rows"][0]
    whole = {name: (first["published"][name] or {}).get("seconds") for name in table["published"]}
    head = [table["shape"], "MB offline, online", "rounds", "s, measured"]
    head += [f"{name}, s: predicted, measured" for name in NETWORKS]
    head.append("of softmax's WAN alone")
    for name in table["published"]:
        head += [f"published, {name}: %, taught", "WAN, s", *(["of softmax's"] if whole[name] else [])]
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    for row in table["rows"]:
        own = row["ours"]
        if own is None:
            cells = [row["network"], "no such form here", *[""] * 5]
        else:
            cells = [row["network"], ", ".join(f"{own['bytes'][part] / 1e6:.1f}" for part in ("offline", "online"))]
            cells += [str(own["rounds"]), measured(own, "none")]
            for name in NETWORKS:
                cells.append(", ".join(filter(None, [f"{own['predicted'][name]:.2f}", measured(own, name)])))
            cells.append(f"{own['network']['WAN'] / first['ours']['network']['WAN']:.2f}")
        for name in table["published"]:
            known = row["published"][name] or {}
            right = [f"{known[key]:.2f}" for key in ("accuracy", "taught") if key in known]
            cells += [", ".join(right) or NOT_FOUND, cell(known.get("seconds"))]
            if whole[name]:
                cells.append(cell(known["seconds"] / whole[name] if "seconds" in known else None))
        yield f"| {' | '.join(cells)} |"


def measured(row: dict[str, Any], network: str) -> str:
    """Seconds of its executions, if there were any."""
    runs = (row["measured"] or {}).get(network)
    return "" if runs is None else with_range(runs)


def layers(table: dict[str, Any]) -> Iterator[str]:
    """What the layers of the first network cost; neighbours that cost the same are one line."""
    link = get_link("WAN")
    yield "| layers of softmax's network | MB offline | online | rounds | WAN, s: network, predicted |"
    yield "|---|---|---|---|---|"
    alike: list[tuple[str, str]] = []
    for line in table["rows"][0]["ours"]["layers"]:
        price = Price(line["offline_bytes"], line["online_bytes"], line["rounds"])
        told = f"{price.offline_bytes / 1e6:.2f} | {price.online_bytes / 1e6:.2f} | {line['rounds']}"
        told += f" | {price.seconds(link):.2f}"
        if alike and alike[-1][1] == told:
            alike[-1] = f"{alike[-1][0].split(' to ')[0]} to {line['name'].rsplit('/', 1)[-1]}", told
        elif line["offline_bytes"] + line["online_bytes"]:
            alike.append((line["name"], told))
    yield from (f"| {name} | {told} |" for name, told in alike)


def halves(found: Sequence[dict[str, Any]]) -> Iterator[str]:
    """What parts of a network cost that are computed alone."""
    yield "| a part alone | MB offline | online | rounds | s, measured | LAN, s: predicted | WAN, s: predicted |"
    yield "|---|---|---|---|---|---|---|"
    for row in found:
        numbers = [f"{row['bytes'][part] / 1e6:.2f}" for part in ("offline", "online")]
        numbers += [str(row["rounds"]), measured(row, "none"), *(f"{row['predicted'][name]:.2f}" for name in NETWORKS)]
        yield f"| {row['part']} | {' | '.join(numbers)} |"


def plot(path: Path, table: dict[str, Any]) -> None:
    """Seconds and bytes of each network as parts of softmax's."""
    first = table["rows"][0]
    shown = [row for row in table["rows"] if row["ours"] is not None]
    name = table["published"][0]
    whole = (first["published"][name] or {}).get("seconds")
    draw_bars(
        path,
        f"{table['shape']}: as parts of softmax's",
        [row["network"] for row in shown],
        {
            "bytes": [megabytes(row["ours"]) / megabytes(first["ours"]) for row in shown],
            "WAN alone": [row["ours"]["network"]["WAN"] / first["ours"]["network"]["WAN"] for row in shown],
            f"WAN, published ({name})": [
                row["published"][name]["seconds"] / whole if whole and row["published"][name] else None for row in shown
            ],
        },
    )


def main(
    quick: Annotated[bool, typer.Option("--quick", help="A tiny network, in a minute.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Also run Tiny-ImageNet's, and train small ones.")] = False,
    runs: RunsFolder = None,
    json: Annotated[Path | None, typer.Option(help="Write the results to this file.")] = None,
    plot_file: Annotated[Path | None, typer.Option("--plot", help="Draw the first table into this PNG.")] = None,
) -> None:
    """Prints the tables as Markdown; progress goes to standard error."""
    made_with = provenance(locals(), [SEED])
    check_extent(quick, full, runs, "trains")
    shapes, kept = ((QUICK,), (0.5,)) if quick else ((CIFAR, TINY), KEPT)
    first = shapes[0]
    done = Steps(sum(len(networks(shape, kept)) for shape in shapes) + 8)
    tables = []
    try:
        for shape in shapes:
            run = full or shape is first
            between = NETWORKS if run and not quick else ()
            found = rows(shape, kept, run, between, done)
            tables.append({"shape": shape.name, "published": shape.published, "rows": found})
        own = parts(first, done)
        trained = None if quick or runs is None else accuracies(runs / "mpcvit-animals", train=full)
    except spu_ditto.DittoError as error:
        raise typer.BadParameter(str(error)) from error
    known = published("mpcvit")
    origin = {key: known[key] for key in ("source", "setting", "times_faster")}
    result = {"made_with": made_with, "published": origin, "tables": tables, "parts": own, "accuracies": trained}
    faster = ", ".join(f"{times} times than {name}" for name, times in known["times_faster"].items())
    print(f"Published: {known['source']}; {known['setting']}. Faster on Tiny-ImageNet: {faster}.\n")
    print(markdown(result))
    if plot_file is not None:
        plot(plot_file, tables[0])
    if json is not None:
        json.write_text(json_format.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    run_command(main)
