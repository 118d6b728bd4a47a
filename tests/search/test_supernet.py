"""Networks that have not decided, what they would cost, and a search from beginning to end on little."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ditto.policy.link import LAN, WAN, Link
from spu_ditto import models
from spu_ditto.data.images import ImageSet, Pictures
from spu_ditto.distill.recipe import Stage
from spu_ditto.errors import UnsupportedError
from spu_ditto.nn.forms import ActivationForm, AttentionForm
from spu_ditto.nn.scope import flat, tree_of
from spu_ditto.search import Plan, Settings, search
from spu_ditto.search.prices import Price, Prices, measured, prices_of
from spu_ditto.search.supernet import choices, supernet
from spu_ditto.search.vit import small_vit

ATTENTION: tuple[AttentionForm, ...] = ("raw", "2relu", "scale")
ACTIVATION: tuple[ActivationForm, ...] = ("raw", "quad")


def pictures(count: int = 64, size: int = 8) -> ImageSet:
    """Bright above or below."""
    rng = np.random.default_rng(0)

    def part(n: int) -> Pictures:
        pixels, numbers = rng.integers(0, 100, (n, size, size, 1)), rng.integers(0, 2, n)
        pixels[numbers == 0, : size // 2] += 100
        pixels[numbers == 1, size // 2 :] += 100
        return Pictures(pixels.astype(np.uint8), numbers.astype(np.int64))

    return ImageSet(part(count), part(count), part(count), ("above", "below"))


def vit(shape: str = "2x2x8") -> models.Model:
    return small_vit(pictures(), shape)


@pytest.mark.parametrize("by", ["head", "layer"])
def test_what_is_decided_is_a_model(by: str) -> None:
    model = vit()
    net = supernet(model, ATTENTION, ACTIVATION, by)  # type: ignore[arg-type]
    weights = dict(flat(net.params))
    even, _ = choices(weights)
    np.testing.assert_allclose(np.exp(even), 1 / 3, rtol=1e-6)
    heads, functions = [[0, 2], [1, 1]], [1, 0]
    rows = heads if by == "head" else [[2], [1]]
    names = [name for name in weights if name.endswith(".choice")]
    of_heads, of_layers = [n for n in names if ".activation." not in n], [n for n in names if ".activation." in n]
    for name, row in zip(of_heads, rows, strict=True):
        weights[name] = jnp.asarray(np.eye(3)[row] * 5)
    for name, one in zip(of_layers, functions, strict=True):
        weights[name] = jnp.asarray(np.eye(2)[[one]] * 5)
    decided = model.converted(
        [[ATTENTION[n] for n in row * (1 if by == "head" else 2)] for row in rows], [ACTIVATION[n] for n in functions]
    )
    inputs = model.make_inputs(batch=3)
    np.testing.assert_allclose(
        net.reference(tree_of(weights), inputs), decided.reference(decided.params, inputs), atol=1e-5
    )


def test_an_attention_of_each_layer_is_needed() -> None:
    with pytest.raises(UnsupportedError, match="layers of t5-lm do not have an attention and an activation each"):
        supernet(models.load(Path(__file__).parent.parent / "nn" / "models" / "t5-lm"), ATTENTION, ACTIVATION, "head")


# ------------------------------------------------------------------------------------------------ prices


def made_up() -> Prices:
    sets = [frozenset(one) for n in (1, 2, 3) for one in itertools.combinations(ATTENTION, n)]
    return Prices(
        Price(1e6, 1e6, 10),
        {"raw": Price(4e6, 4e6), "2relu": Price(3e6, 5e6), "scale": Price(2e6, 1e6)},
        {one: Price(0, 1e4 * n, 20 + 7 * n) for n, one in enumerate(sets)},
        {"raw": Price(), "quad": Price(-1e5, -2e5, -2)},
    )


@pytest.mark.parametrize("link", [LAN, WAN, Link("slow", 1e6, 1e-3)])
def test_expected_seconds_are_the_mean_of_all_draws(link: Link) -> None:
    prices, rng = made_up(), np.random.default_rng(1)
    attention = [rng.dirichlet(np.ones(3), 2), rng.dirichlet(np.ones(3), 2)]
    activation = [rng.dirichlet(np.ones(2)), rng.dirichlet(np.ones(2))]
    mean = np.zeros(2)
    for drawn in itertools.product(range(3), repeat=4):
        for own in itertools.product(range(2), repeat=2):
            rows = [drawn[:2], drawn[2:]]
            likely = np.prod([attention[n][h, rows[n][h]] for n in range(2) for h in range(2)])
            likely *= np.prod([activation[n][own[n]] for n in range(2)])
            price = prices.total([[ATTENTION[k] for k in row] for row in rows], [ACTIVATION[k] for k in own])
            mean += likely * np.array(price.busy(link))
    logs = [jnp.log(jnp.asarray(one, jnp.float32)) for one in attention]
    found = prices.expected_seconds(link, logs, [jnp.log(jnp.asarray(one, jnp.float32)) for one in activation])
    assert float(found) == pytest.approx(mean.max(), rel=1e-5)
    slopes = jax.grad(lambda one: prices.expected_seconds(link, [one, logs[1]], [jnp.log(jnp.ones(2) / 2)] * 2))(
        logs[0]
    )
    assert np.all(np.isfinite(slopes)) and np.any(slopes != 0)


def test_a_mixed_model_costs_what_is_predicted() -> None:
    whole = vit("3x4x16")

    def shorter(layers: int) -> models.Model:
        return small_vit(pictures(), f"{layers}x4x16")

    prices = prices_of(shorter, 4, ATTENTION[::2], ACTIVATION)
    attention: list[tuple[AttentionForm, ...]] = [("scale", "raw", "scale", "scale"), ("scale",) * 4, ("raw",) * 4]
    activation: tuple[ActivationForm, ...] = ("quad", "quad", "raw")
    plan = Plan.of(attention, activation, prices, "WAN")
    real = measured(plan.of_model(whole))
    assert plan.offline_bytes == pytest.approx(real.offline_bytes, rel=0.1)
    assert plan.online_bytes == pytest.approx(real.online_bytes, rel=0.1)
    assert plan.rounds == pytest.approx(real.rounds, rel=0.1)
    assert plan.seconds == pytest.approx(real.seconds(WAN), rel=0.1)
    # What is predicted says more than that all networks are alike.
    alike = prices.total([("raw",) * 4] * 3, ["raw"] * 3)
    assert alike.rounds > 1.05 * real.rounds and alike.total_bytes > 1.05 * real.total_bytes


# ------------------------------------------------------------------------------------------------ all of it


def quick(**losses: float) -> Stage:
    return Stage(steps=12, batch=16, rate=3e-3, **losses)  # type: ignore[arg-type]


QUICK = Settings(
    shape="2x2x8",
    attention=("raw", "scale"),
    budgets=("3.8s",),
    keep=(0.5,),
    weight=1.0,
    teach=quick(labels=1.0),
    choose=quick(labels=1.0),
    retrain=quick(labels=1.0, logits=1.0, tokens=1.0),
)


def test_from_pictures_to_plans(tmp_path: Path) -> None:
    told: list[str] = []
    steps: list[str] = []
    results = search(pictures(), tmp_path, QUICK, told=told.append, stepped=lambda stage, *_: steps.append(stage))
    assert [row.kind for row in results.rows] == ["teacher"] + ["uniform"] * 2 + ["searched"] * 2
    assert len(steps) == 12 * 6
    assert results.plans["within 3.800 s"].seconds <= 3.8
    kept = results.plans["keeps 0.5 of the heads"]
    assert sum(row.count("raw") for row in kept.attention) == 2
    for row in results.rows:
        assert row.seconds == pytest.approx(row.predicted_seconds, rel=0.1)
        assert row.bytes == pytest.approx(row.predicted_bytes, rel=0.1)
    assert {path.suffix for path in tmp_path.glob("searched-1*")} == {"", ".json"}
    for name in ("architecture.png", "pareto.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
    assert json.loads((tmp_path / "results.json").read_text())[0]["name"] == "teacher"
    assert (tmp_path / "results.md").read_text() == results.markdown()
    # A network of a plan is a model as any other, and what it was trained for is in its directory.
    model = models.load(tmp_path / "searched-1")
    assert model.forms == Plan.read(tmp_path / "searched-1.json").of_model(vit()).forms
    assert model.labels == ("above", "below")
    np.testing.assert_allclose(model.encode_images(np.full((8, 8, 1), 255, np.uint8))["pixel_values"], 1, atol=1e-6)
    with pytest.raises(UnsupportedError, match="holds another run, see search.json there"):
        search(pictures(), tmp_path, QUICK.model_copy(update={"weight": 2.0}))


def test_what_cannot_be_searched_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="there is nothing to choose"):
        search(pictures(), tmp_path, Settings(attention=("raw",)))
    with pytest.raises(UnsupportedError, match="something is offered twice: raw, scale, raw"):
        search(pictures(), tmp_path, Settings(attention=("raw", "scale", "raw")))
    with pytest.raises(UnsupportedError, match="is not layers x heads x width, such as 4x4x128"):
        search(pictures(), tmp_path / "a", Settings(shape="4x3x128"))
    with pytest.raises(UnsupportedError, match="pictures of 8 x 8 are not cut into squares of 7"):
        search(pictures(), tmp_path / "b", Settings(patch=7))
    with pytest.raises(UnsupportedError, match="a budget is like 250ms"):
        search(pictures(), tmp_path / "c", Settings(budgets=("fast",)))
