"""Plans: the dynamic programme finds what trying all networks finds, within budgets of time and of bytes."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ditto.policy.link import WAN
from spu_ditto import models
from spu_ditto.errors import UnsupportedError
from spu_ditto.nn.forms import AttentionForm
from spu_ditto.search.plan import Budget, Plan, best_within, default_budgets, most_likely
from spu_ditto.search.prices import Price, Prices

NAMES: tuple[AttentionForm, ...] = ("raw", "2quad", "scale")
NUMBERS = st.integers(1, 40)


@st.composite
def all_prices(draw: st.DrawFn) -> Prices:
    """Of two or three forms and of one or two activations."""

    def price(rounds: int = 0) -> Price:
        return Price(draw(NUMBERS) * 1e6, draw(NUMBERS) * 1e6, rounds)

    names = NAMES[: draw(st.integers(2, 3))]
    sets = [frozenset(one) for n in range(1, len(names) + 1) for one in itertools.combinations(names, n)]
    activation = {"raw": Price(), "quad": Price(draw(NUMBERS) * -1e4, 0, -1)}
    return Prices(
        price(draw(NUMBERS)),
        {name: price() for name in names},
        {one: price(draw(NUMBERS) + 1) for one in sets},
        dict(itertools.islice(activation.items(), draw(st.integers(1, 2)))),  # type: ignore[arg-type]
    )


def shares(draw: st.DrawFn, *shape: int) -> np.ndarray[Any, Any]:
    weights = np.array(draw(st.lists(NUMBERS, min_size=int(np.prod(shape)), max_size=int(np.prod(shape)))), float)
    weights = weights.reshape(shape)
    return np.log(weights / weights.sum(-1, keepdims=True))


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_no_network_within_the_budget_is_likelier(data: st.DataObject) -> None:
    prices = data.draw(all_prices())
    layers, heads = data.draw(st.sampled_from([(1, 3), (2, 2), (3, 1)]))
    groups = data.draw(st.sampled_from([1, heads]))
    names, functions = list(prices.attention), list(prices.activation)
    attention = [data.draw(st.composite(shares)(groups, len(names))) for _ in range(layers)]
    activation = [data.draw(st.composite(shares)(len(functions))) for _ in range(layers)]
    link = data.draw(st.sampled_from([WAN, None]))
    tried = []
    for choice in itertools.product(range(len(names)), repeat=layers * groups):
        rows = np.array(choice).reshape(layers, groups)
        for own in itertools.product(range(len(functions)), repeat=layers):
            likely = sum(float(attention[n][h, rows[n, h]]) for n in range(layers) for h in range(groups))
            likely += sum(float(activation[n][own[n]]) for n in range(layers))
            each = [[names[k] for k in row] * (heads // groups) for row in rows]
            price = prices.total(each, [functions[k] for k in own])
            used = price.total_bytes if link is None else price.seconds(link)
            tried.append((used, likely))
    most = data.draw(st.sampled_from(sorted(used for used, _ in tried))) * (1 + 1e-9)
    found = best_within(Budget(most, link), prices, heads, attention, activation)
    price = prices.total(*found)
    assert (price.total_bytes if link is None else price.seconds(link)) <= most * (1 + 1e-9)
    likely = sum(
        float(attention[n][h, names.index(row[h])]) for n, row in enumerate(found[0]) for h in range(groups)
    ) + sum(float(activation[n][functions.index(one)]) for n, one in enumerate(found[1]))
    assert likely == pytest.approx(max(likely for used, likely in tried if used <= most))
    with pytest.raises(UnsupportedError, match="no network keeps to .*: the cheapest takes "):
        least = min(used for used, _ in tried)
        best_within(Budget(least * 0.99, link), prices, heads, attention, activation)


PRICES = Prices(
    Price(1e6, 1e6, 10),
    {"raw": Price(4e6, 4e6), "scale": Price(2e6, 2e6)},
    {
        frozenset({"raw"}): Price(0, 0, 80),
        frozenset({"scale"}): Price(0, 0, 60),
        frozenset(NAMES) - {"2quad"}: Price(0, 0, 80),
    },
    {"raw": Price()},
)


def test_one_head_left_with_softmax_keeps_the_rounds_of_its_layer() -> None:
    # Six heads of eight would rather be as they are; there is time for the rounds of one layer.
    attention = [np.log([[0.9, 0.1]] * 3 + [[0.4, 0.6]]), np.log([[0.8, 0.2]] * 3 + [[0.4, 0.6]])]
    names, _ = best_within(Budget.of("3.4s", WAN), PRICES, 4, attention, [np.zeros(1)] * 2)
    assert names == [["raw", "raw", "raw", "scale"], ["scale"] * 4]
    # The same number of heads by the largest shares pays for both.
    kept, _ = most_likely(0.5, PRICES, 4, attention, [np.zeros(1)] * 2)
    assert kept == [["raw", "raw", "raw", "scale"], ["raw", "scale", "scale", "scale"]]
    assert PRICES.total(kept, ["raw"] * 2).rounds == 170 > PRICES.total(names, ["raw"] * 2).rounds == 150
    with pytest.raises(UnsupportedError, match="where each of them chooses between two forms"):
        most_likely(0.5, PRICES, 4, [one[:1] for one in attention], [np.zeros(1)] * 2)


def test_a_plan_is_what_a_model_takes(tmp_path: Path) -> None:
    model = models.load(Path(__file__).parent.parent / "nn" / "models" / "vit-image")
    heads = model.config["num_attention_heads"]
    attention = [("raw",) * heads, ("scale",) + ("raw",) * (heads - 1)]
    plan = Plan.of(attention, ("raw", "raw"), PRICES, "WAN")
    plan.write(tmp_path / "plan.json")
    again = Plan.read(tmp_path / "plan.json")
    assert again == plan and plan.rounds == 170 and plan.seconds == pytest.approx(3.4, abs=0.3)
    stored = json.loads((tmp_path / "plan.json").read_text())
    by_hand = model.converted(stored["attention"], stored["activation"])
    assert again.of_model(model).forms == by_hand.forms
    assert [form.attention for form in by_hand.forms] == attention
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(UnsupportedError, match="other.json is no plan of spu-ditto search"):
        Plan.read(tmp_path / "other.json")


def test_budgets_without_being_asked() -> None:
    def of(name: AttentionForm, rounds: int) -> Plan:
        together = {frozenset({name}): Price(0, 0, rounds)}
        prices = Prices(Price(), {name: Price()}, together, {"raw": Price()})
        return Plan.of([(name,)], ["raw"], prices, "WAN")

    raw, quad, scale = of("raw", 80), of("2quad", 70), of("scale", 60)
    assert default_budgets([raw, quad, scale], WAN) == [Budget(quad.seconds, WAN)]
    assert [one.most for one in default_budgets([raw, scale], WAN)] == pytest.approx([1.3, 1.4, 1.5])


def test_budgets() -> None:
    assert Budget.of("250ms", WAN) == Budget(0.25, WAN)
    assert Budget.of("1.5 s", WAN) == Budget(1.5, WAN)
    assert Budget.of("20MB", WAN) == Budget(2e7, None)
    for text in ("20", "20 parsecs", "-1s", ""):
        with pytest.raises(UnsupportedError, match="a budget is like 250ms, 1.5s or 20MB"):
            Budget.of(text, WAN)
