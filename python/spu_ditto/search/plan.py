"""Decisions: what each head and layer does, chosen by what the search learnt, within a budget."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydantic
from pydantic import BaseModel, ConfigDict

from ditto.policy.link import Link, get_link
from spu_ditto.errors import UnsupportedError
from spu_ditto.models import Model
from spu_ditto.nn.forms import ActivationForm, AttentionForm
from spu_ditto.search.prices import Price, Prices

_UNITS = {"ms": 1e-3, "s": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9}


@dataclass(frozen=True)
class Budget:
    """At most so many seconds in a network, or bytes of all parties."""

    most: float
    link: Link | None

    @staticmethod
    def of(text: str, link: Link) -> Budget:
        """Of "250ms", "1.5s", "20MB". Raises UnsupportedError for anything else."""
        match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|kB|MB|GB)", text.replace(" ", ""))
        if match is None:
            raise UnsupportedError(f"a budget is like 250ms, 1.5s or 20MB ({', '.join(_UNITS)}), not {text!r}")
        number, unit = match.groups()
        return Budget(float(number) * _UNITS[unit], link if unit.endswith("s") else None)

    def used(self, price: Price) -> tuple[float, ...]:
        """What a part of an execution takes of it: numbers that add up, none of which may exceed `most` in all."""
        return (price.total_bytes,) if self.link is None else price.busy(self.link)

    def begun(self, around: Price) -> tuple[float, ...]:
        """The same of what is not in layers; P0's stream is there a message's time after it is sent."""
        if self.link is None:
            return self.used(around)
        streaming, exchanging = self.used(around)
        return streaming + self.link.one_way_seconds, exchanging

    def __str__(self) -> str:
        return f"{self.most / 1e6:.2f} MB" if self.link is None else f"{self.most:.3f} s"


class Plan(BaseModel):
    """What each head and layer of a model does.

    Attributes:
        attention: by layer, of each head.
        activation: by layer.
        network: that it was chosen for.
        offline_bytes, online_bytes, rounds, seconds: of an execution, as predicted; seconds are the network's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    attention: tuple[tuple[AttentionForm, ...], ...]
    activation: tuple[ActivationForm, ...]
    network: str
    offline_bytes: int
    online_bytes: int
    rounds: int
    seconds: float

    @staticmethod
    def of(
        attention: Sequence[Sequence[AttentionForm]], activation: Sequence[ActivationForm], prices: Prices, network: str
    ) -> Plan:
        """With its predicted cost."""
        price = prices.total(attention, activation)
        return Plan(
            attention=tuple(map(tuple, attention)),
            activation=tuple(activation),
            network=network,
            offline_bytes=round(price.offline_bytes),
            online_bytes=round(price.online_bytes),
            rounds=round(price.rounds),
            seconds=price.seconds(get_link(network)),
        )

    @staticmethod
    def read(path: str | Path) -> Plan:
        """From a file. Raises UnsupportedError if there is no plan in it."""
        try:
            return Plan.model_validate_json(Path(path).read_text())
        except (OSError, pydantic.ValidationError) as error:
            raise UnsupportedError(f"{path} is no plan of spu-ditto search: {error}") from error

    def write(self, path: str | Path) -> None:
        """As JSON."""
        Path(path).write_text(json.dumps(self.model_dump(mode="json"), indent=2) + "\n")

    def of_model(self, model: Model) -> Model:
        """The model with what is planned in it; see `Model.converted`."""
        return model.converted(self.attention, self.activation)


def default_budgets(uniform: Sequence[Plan], link: Link) -> list[Budget]:
    """What uniform networks take that are neither the cheapest nor the dearest; else three steps between these."""
    least, *inner, most = sorted({plan.seconds for plan in uniform})
    return [Budget(seconds, link) for seconds in inner or np.linspace(least, most, 5)[1:-1]]


# ------------------------------------------------------------------------------------------------------------

Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


@dataclass(frozen=True)
class _Layer:
    """What a layer may do: the numbers of its heads' choices and of its activation, how likely, and for how much."""

    heads: tuple[int, ...]
    activation: int
    likely: float
    used: tuple[float, ...]


# What is used of the budget, how likely, and what the layers do.
_State = tuple[tuple[float, ...], float, tuple[_Layer, ...]]


def best_within(
    budget: Budget, prices: Prices, heads: int, attention: Sequence[Array], activation: Sequence[Array]
) -> tuple[list[list[AttentionForm]], list[ActivationForm]]:
    """The likeliest of all networks that keep to the budget, by dynamic programming; exact.

    In a layer, of all that do the same with equally many heads the likeliest; over layers, of all that are for the same
    price or less.

    Args:
        attention: by layer, logarithms of shares [heads, choices]; or [1, choices], if all heads do the same.
        activation: by layer, logarithms of shares [choices].

    Raises:
        UnsupportedError: none keeps to it; says what the cheapest needs.
    """
    names, functions = list(prices.attention), list(prices.activation)
    reached: list[_State] = [(budget.begun(prices.around), 0.0, ())]
    for shares, own in zip(attention, activation, strict=True):
        may = _layers(np.asarray(shares), np.asarray(own), budget, prices, heads)
        reached = _undominated(
            (tuple(map(sum, zip(used, one.used))), likely + one.likely, (*done, one))
            for (used, likely, done), one in itertools.product(reached, may)
        )
    within = [(likely, done) for used, likely, done in reached if max(used) <= budget.most]
    if not within:
        least = min(max(used) for used, _, _ in reached)
        raise UnsupportedError(
            f"no network keeps to {budget}: the cheapest takes {Budget(least, budget.link)}; allow more, or offer "
            "cheaper stand-ins"
        )
    _, layers = max(within, key=lambda one: one[0])
    return [[names[n] for n in one.heads] for one in layers], [functions[one.activation] for one in layers]


def _layers(shares: Array, own: Array, budget: Budget, prices: Prices, heads: int) -> list[_Layer]:
    names, functions = list(prices.attention), list(prices.activation)
    # By how many heads do what: how likely, and which.
    counted: dict[tuple[int, ...], tuple[float, tuple[int, ...]]] = {(0,) * len(names): (0.0, ())}
    for row in shares:
        found: dict[tuple[int, ...], tuple[float, tuple[int, ...]]] = {}
        for counts, (likely, done) in counted.items():
            for n, share in enumerate(row):
                now = tuple(count + (n == k) for k, count in enumerate(counts))
                if now not in found or found[now][0] < likely + share:
                    found[now] = likely + float(share), (*done, n)
        counted = found
    return [
        _Layer(
            done if len(shares) == heads else done * heads,
            function,
            likely + float(own[function]),
            budget.used(prices.layer([names[n] for n in done], functions[function])),
        )
        for likely, done in counted.values()
        for function in range(len(functions))
    ]


def _undominated(states: Iterable[_State]) -> list[_State]:
    """Less those that another is as likely as, for no more of anything."""
    kept: list[_State] = []
    known = np.empty((0, 0))
    for state in sorted(states, key=lambda one: (one[0], -one[1])):
        row = np.array([*state[0], -state[1]])
        # To within what sums of floating-point numbers differ by.
        if kept and np.any(np.all(known[: len(kept)] <= row + 1e-12 * np.abs(row), axis=1)):
            continue
        if len(kept) == len(known):
            known = np.resize(known, (max(64, 2 * len(known)), len(row)))
        known[len(kept)] = row
        kept.append(state)
    return kept


def most_likely(
    keep: float, prices: Prices, heads: int, attention: Sequence[Array], activation: Sequence[Array]
) -> tuple[list[list[AttentionForm]], list[ActivationForm]]:
    """MPCViT's own rule: of all heads the part `keep` with the largest shares of the first form keep it.

    Raises:
        UnsupportedError: there are more than two forms, or there is one choice for all heads of a layer.
    """
    names, functions = list(prices.attention), list(prices.activation)
    shares = np.stack([np.asarray(one) for one in attention])
    if len(names) != 2 or shares.shape[1] != heads:
        raise UnsupportedError("a part of the heads is kept where each of them chooses between two forms")
    order = np.argsort(-shares[:, :, 0], axis=None, kind="stable")
    kept = np.zeros(shares.shape[0] * heads, bool)
    kept[order[: round(keep * kept.size)]] = True
    rows = kept.reshape(-1, heads)
    return [[names[0 if own else 1] for own in row] for row in rows], [functions[int(np.argmax(a))] for a in activation]
