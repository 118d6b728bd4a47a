"""A search from beginning to end, in a folder: teacher, prices, shares, plans, retraining, and what they are worth.

The folder has search.json (what was asked for), metrics.jsonl (a line a step), the models, plans, results.json,
results.md and two pictures. A run that was interrupted goes on where it was when it is asked for again.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import jax
import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from ditto.policy.link import get_link
from spu_ditto import models
from spu_ditto.data.images import ImageSet, Pictures, images
from spu_ditto.distill.recipe import Stage
from spu_ditto.distill.run import Run, claim
from spu_ditto.distill.trainer import Data, accuracy, predictions
from spu_ditto.errors import UnsupportedError
from spu_ditto.nn.forms import ActivationForm, AttentionForm
from spu_ditto.nn.scope import flat
from spu_ditto.search.drawings import draw
from spu_ditto.search.plan import Budget, Plan, best_within, default_budgets, most_likely
from spu_ditto.search.prices import measured, prices_of
from spu_ditto.search.supernet import By, choices, supernet
from spu_ditto.search.vit import small_vit


class Settings(BaseModel):
    """What is searched, and how.

    Attributes:
        shape, patch: of the network, see `small_vit`.
        attention, activation: what heads and layers choose among; the first are the teacher's.
        by: whether each head chooses, or each layer for all of its heads.
        network: what the price of a round is taken from.
        batch: pictures of one execution.
        weight: of the expected cost in the loss, where the teacher's costs 1.
        budgets: "250ms" of the network, or "20MB"; a plan for each. If there are none, what networks take that do the
            same everywhere, or, if there are but two, three steps from one to the other.
        keep: parts of all heads that keep the first form, whatever it costs; a plan for each.
        begin: whether a network of a plan begins with the teacher's weights, or with random ones as MPCViT's do.
        teach, choose, retrain: the training of the teacher, of the network that has not decided, and of what was
            decided. Losses as MPCViT's; numbers of steps are what two cores do in an hour.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    shape: str = "4x4x128"
    patch: int = Field(default=4, gt=0)
    attention: tuple[AttentionForm, ...] = ("raw", "scale")
    activation: tuple[ActivationForm, ...] = ("raw",)
    by: By = "head"
    network: str = "WAN"
    batch: int = Field(default=1, gt=0)
    weight: float = Field(default=0.1, ge=0)
    budgets: tuple[str, ...] = ()
    keep: tuple[float, ...] = ()
    begin: Literal["teacher", "random"] = "teacher"
    teach: Stage = Stage(steps=1200, batch=64, rate=1e-3, warmup=0.1, labels=1.0)
    choose: Stage = Stage(steps=400, batch=64, rate=5e-4, warmup=0.1, labels=1.0)
    retrain: Stage = Stage(steps=400, batch=64, rate=5e-4, warmup=0.1, labels=1.0, logits=1.0, tokens=1.0)


@dataclass(frozen=True)
class Row:
    """What a network is worth.

    Attributes:
        kind: "teacher", "uniform" or "searched".
        accuracy: the part of the test pictures that it is right about, in float32.
        predicted_bytes, predicted_rounds, predicted_seconds: of an execution, by the prices; seconds are the network's.
        bytes, rounds, seconds: of the compiled network.
    """

    name: str
    kind: Literal["teacher", "uniform", "searched"]
    accuracy: float
    predicted_bytes: int
    predicted_rounds: int
    predicted_seconds: float
    bytes: int
    rounds: int
    seconds: float


@dataclass(frozen=True)
class Results:
    """All rows, and the plans of those that were searched, by name."""

    network: str
    rows: tuple[Row, ...]
    plans: dict[str, Plan]

    def markdown(self) -> str:
        """A table."""
        lines = [
            f"| model | accuracy, float32 | predicted: MB | rounds | {self.network}, s | compiled: MB | rounds | s |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for row in self.rows:
            predicted = f"{row.predicted_bytes / 1e6:.2f} | {row.predicted_rounds} | {row.predicted_seconds:.3f}"
            compiled = f"{row.bytes / 1e6:.2f} | {row.rounds} | {row.seconds:.3f}"
            lines.append(f"| {row.name} | {100 * row.accuracy:.1f} % | {predicted} | {compiled} |")
        return "\n".join(lines) + "\n"


def search(
    data: str | Path | ImageSet,
    folder: Path,
    settings: Settings,
    *,
    seed: int = 0,
    told: Callable[[str], None] = lambda text: None,
    stepped: Callable[[str, int, int, dict[str, float]], None] = lambda stage, step, steps, metrics: None,
) -> Results:
    """Finds what each head and layer of a small ViT does, for the least loss of accuracy within budgets.

    A ViT with the first forms is trained on the pictures. Beginning with its weights, a network whose heads mix all
    forms learns their shares, while what it would cost is added to its loss. For each budget the likeliest network that
    keeps to it is trained with the ViT as its teacher; and so are, to compare, networks that do the same everywhere.

    Args:
        data: pictures, or what `spu_ditto.data.images.images` takes.
        folder: what is written goes here.
        told: called with a sentence where something begins or was found.
        stepped: called after every step of training, with the stage, the step, how many there are, and its metrics.

    Raises:
        UnsupportedError: there are no such pictures or forms, a budget is too small, or the folder is of another run.
    """
    link = get_link(settings.network)
    budgets = [Budget.of(text, link) for text in settings.budgets]
    if len(settings.attention) * len(settings.activation) < 2:
        raise UnsupportedError("there is nothing to choose: offer two forms of attention, or two activations")
    for offered in (settings.attention, settings.activation):
        if len(set(offered)) < len(offered):
            raise UnsupportedError(f"something is offered twice: {', '.join(offered)}")
    folder.mkdir(parents=True, exist_ok=True)
    pictures = data if isinstance(data, ImageSet) else images(data)
    asked = {"data": "pictures" if isinstance(data, ImageSet) else str(data), "seed": seed}
    claim(folder / "search.json", {**asked, **settings.model_dump(mode="json")})
    run = Run(folder, seed, told, stepped)

    bare = small_vit(pictures, settings.shape, settings.patch, seed)
    heads = bare.config["num_attention_heads"]
    first = bare.converted(settings.attention[0], settings.activation[0])
    learn, dev, test = (_data(bare, part) for part in (pictures.train, pictures.dev, pictures.test))
    told(f"{learn.count} pictures to learn from, {dev.count} to choose by, {test.count} to measure on")
    prices = prices_of(
        lambda layers: dataclasses.replace(bare, config=bare.config.with_settings(num_hidden_layers=layers)),
        heads,
        settings.attention,
        settings.activation,
        mixed=settings.by == "head",
        batch=settings.batch,
    )
    teacher = run.trained("teacher", first, None, settings.teach, learn, dev)

    uniform = {
        f"{attention}, {activation}": Plan.of(
            ((attention,) * heads,) * bare.layers, (activation,) * bare.layers, prices, settings.network
        )
        for attention in settings.attention
        for activation in settings.activation
    }
    dearest = max(plan.seconds for plan in uniform.values())

    def penalty(weights: dict[str, Any]) -> jax.Array:
        return settings.weight * prices.expected_seconds(link, *choices(weights)) / dearest

    net = supernet(teacher, settings.attention, settings.activation, settings.by)
    net = run.trained("search", net, None, settings.choose, learn, dev, penalty)
    attention, activation = ([np.asarray(one) for one in part] for part in choices(dict(flat(net.params))))
    plans = {}
    for budget in budgets or default_budgets(list(uniform.values()), link):
        found = best_within(budget, prices, heads, attention, activation)
        plans[f"within {budget}"] = Plan.of(*found, prices, settings.network)
    for part in settings.keep:
        found = most_likely(part, prices, heads, attention, activation)
        plans[f"keeps {part:g} of the heads"] = Plan.of(*found, prices, settings.network)

    rows = [_row("teacher", "teacher", teacher, test, next(iter(uniform.values())), settings)]
    begin = teacher if settings.begin == "teacher" else bare
    for kind, several in (("uniform", uniform), ("searched", plans)):
        for number, (name, plan) in enumerate(several.items(), 1):
            place = f"{kind}-{number}"
            plan.write(folder / f"{place}.json")
            trained = run.trained(place, plan.of_model(begin), teacher, settings.retrain, learn, dev)
            rows.append(_row(name, kind, trained, test, plan, settings))  # type: ignore[arg-type]
            told(f"{name}: {100 * rows[-1].accuracy:.1f} %, {rows[-1].seconds:.3f} s in {settings.network}")
    results = Results(settings.network, tuple(rows), plans)
    (folder / "results.json").write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")
    (folder / "results.md").write_text(results.markdown())
    draw(results, folder)
    return results


def _data(model: models.Model, pictures: Pictures) -> Data:
    return Data(model.encode_images(pictures.pixels), pictures.numbers)


def _row(
    name: str,
    kind: Literal["teacher", "uniform", "searched"],
    model: models.Model,
    test: Data,
    plan: Plan,
    settings: Settings,
) -> Row:
    price = measured(model, settings.batch)
    return Row(
        name,
        kind,
        accuracy(predictions(model, test), test.labels),
        plan.offline_bytes + plan.online_bytes,
        plan.rounds,
        plan.seconds,
        round(price.total_bytes),
        round(price.rounds),
        price.seconds(get_link(settings.network)),
    )
