"""What each stand-in costs in a model, found by the engine's cost analysis of one layer with it, before any training.

The bytes of a layer are those of its heads, each its part of what a layer costs all of whose heads do the same. Its
rounds are those of the set of forms that its heads have, whatever their numbers: heads compute at once, and one that is
left with softmax keeps all of its rounds. What is around the layers is paid once.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp

import spu_ditto
from ditto.policy.link import Link
from spu_ditto.models import Model
from spu_ditto.nn.forms import ActivationForm, AttentionForm


@dataclass(frozen=True)
class Price:
    """Bytes of all parties before and while they compute, and rounds."""

    offline_bytes: float = 0
    online_bytes: float = 0
    rounds: float = 0

    def __add__(self, other: Price) -> Price:
        return Price(
            self.offline_bytes + other.offline_bytes, self.online_bytes + other.online_bytes, self.rounds + other.rounds
        )

    def __mul__(self, times: float) -> Price:
        return Price(times * self.offline_bytes, times * self.online_bytes, times * self.rounds)

    def __sub__(self, other: Price) -> Price:
        return self + other * -1

    @property
    def total_bytes(self) -> float:
        """Offline and online."""
        return self.offline_bytes + self.online_bytes

    def busy(self, link: Link) -> tuple[float, float]:
        """Seconds that P0's stream takes, and that P1 and P2 exchange; as `CostAnalysis.network_seconds` has them."""
        streaming = 8 * self.offline_bytes / link.bits_per_second
        return streaming, 4 * self.online_bytes / link.bits_per_second + self.rounds * link.one_way_seconds

    def seconds(self, link: Link) -> float:
        """What the network takes of an execution."""
        streaming, exchanging = self.busy(link)
        return max(streaming + link.one_way_seconds, exchanging)


Together = frozenset[AttentionForm]


@dataclass(frozen=True)
class Prices:
    """Of a model.

    Attributes:
        around: what is not in layers.
        attention: a layer all of whose heads do this, with the first activation, without rounds.
        together: what a layer pays once for the forms that its heads have: its rounds, and bytes of mixing.
        activation: what this one costs a layer more than the first; negative if it is cheaper.
    """

    around: Price
    attention: Mapping[AttentionForm, Price]
    together: Mapping[Together, Price]
    activation: Mapping[ActivationForm, Price]

    def layer(self, heads: Sequence[AttentionForm], activation: ActivationForm) -> Price:
        """A layer whose heads do this, or a part of that with equal parts for each."""
        parts = [self.attention[name] * (heads.count(name) / len(heads)) for name in self.attention]
        return sum(parts, self.activation[activation] + self.together[frozenset(heads)])

    def total(self, attention: Sequence[Sequence[AttentionForm]], activation: Sequence[ActivationForm]) -> Price:
        """A model of such layers."""
        return sum((self.layer(*one) for one in zip(attention, activation, strict=True)), self.around)

    def expected_seconds(self, link: Link, attention: list[jax.Array], activation: list[jax.Array]) -> jax.Array:
        """Seconds in such a network if each head did one thing, drawn by its shares; differentiable.

        A layer pays the rounds of what is dear unless no head does it: of two forms, r (1 - Π (1 - α)).

        Args:
            attention, activation: logarithms of shares by layer, as `supernet.choices` gives them.
        """
        busy = jnp.asarray(self.around.busy(link), jnp.float32)
        for heads, layer in zip(attention, activation, strict=True):
            shares = jnp.exp(heads)
            busy += jnp.mean(shares, axis=0) @ _busy(self.attention.values(), link)
            busy += _drawn_together(shares, list(self.attention), list(self.together)) @ _busy(
                self.together.values(), link
            )
            busy += jnp.exp(layer) @ _busy(self.activation.values(), link)
        return jnp.max(busy)


def _busy(prices: Iterable[Price], link: Link) -> jax.Array:
    return jnp.asarray([price.busy(link) for price in prices], jnp.float32)


def _drawn_together(shares: jax.Array, names: list[AttentionForm], sets: list[Together]) -> jax.Array:
    """How probable it is that heads, each of which draws on its own, have these forms in all: shares [heads, choices].

    That they have no others is a product over heads; what remains less their smaller sets is theirs.
    """
    alone = {one: jnp.prod(sum(shares[:, names.index(name)] for name in one)) for one in sets}
    exactly = [sum((-1) ** (len(one) - len(inner)) * alone[inner] for inner in sets if inner <= one) for one in sets]
    return jnp.stack(exactly)


def measured(model: Model, batch: int = 1) -> Price:
    """What the compiled model costs, uncalibrated, for so many inputs at once."""
    compiled = spu_ditto.compile(model.apply, fraction_bits=model.fraction_bits)
    cost = compiled.lower(model.params, model.make_inputs(batch)).cost_analysis()
    return Price(cost.offline_bytes, cost.online_bytes, cost.rounds)


def prices_of(
    shorter: Callable[[int], Model],
    heads: int,
    attentions: tuple[AttentionForm, ...],
    activations: tuple[ActivationForm, ...],
    *,
    mixed: bool = True,
    batch: int = 1,
) -> Prices:
    """Prices of stand-ins in a model.

    Args:
        shorter: the model with so many layers, and any weights.
        heads: of a layer.
        mixed: whether heads of a layer may differ; each set of forms that they may have is then tried.
        batch: inputs of one execution, which all of them are paid for.
    """

    def with_heads(each: Sequence[AttentionForm], activation: ActivationForm) -> Price:
        return measured(shorter(1).converted([each], [activation]), batch)

    first = with_heads(attentions[:1] * heads, activations[0])
    two = measured(shorter(2).converted([attentions[0]] * 2, [activations[0]] * 2), batch)
    around = first - (two - first)
    whole = {name: with_heads((name,) * heads, activations[0]) - around for name in attentions[1:]}
    whole = {attentions[0]: two - first, **whole}
    attention = {name: dataclasses.replace(price, rounds=0) for name, price in whole.items()}
    together = {frozenset({name}): whole[name] - attention[name] for name in attentions}
    for size in range(2, min(heads, len(attentions)) + 1 if mixed else 0):
        for names in itertools.combinations(attentions, size):
            each = [name for name, _ in zip(itertools.cycle(names), range(heads))]
            parts = [attention[name] * (each.count(name) / heads) for name in names]
            together[frozenset(names)] = sum(parts, around) * -1 + with_heads(each, activations[0])
    activation = {name: with_heads(attentions[:1] * heads, name) - first for name in activations[1:]}
    return Prices(around, attention, together, {activations[0]: Price(), **activation})
