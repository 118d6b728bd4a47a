"""A network that has not decided: every head computes all that it may do, and mixes it by weights that are learnt."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp

from spu_ditto.errors import UnsupportedError
from spu_ditto.models import Model
from spu_ditto.nn.attention import FORMS, Attention
from spu_ditto.nn.forms import ActivationForm, AttentionForm, Form
from spu_ditto.nn.scope import Scope, flat, shapes_of, tree_of

By = Literal["head", "layer"]

_CHOICE = "choice"
# A choice has to go from even to clear within hundreds of steps, at a rate that suits the other weights.
_SPEED = 20.0


@dataclass(frozen=True)
class Undecided(Form):
    """What a layer may do.

    Attributes:
        attentions: of each head, or of all heads of a layer together, as `by` says.
        activations: of the layer.
    """

    attentions: tuple[AttentionForm, ...] = ("raw",)
    activations: tuple[ActivationForm, ...] = ("raw",)
    by: By = "head"

    def attend(self, whole: Attention) -> jax.Array:
        groups = whole.total if self.by == "head" else 1
        shares = jnp.exp(log_shares(whole.scope.weight(_CHOICE, groups, len(self.attentions))))
        return functools.reduce(
            jnp.add, (shares[:, n, None] * FORMS[name](whole) for n, name in enumerate(self.attentions))
        )

    def activate(self, scope: Scope, name: str, x: jax.Array) -> jax.Array:
        shares = jnp.exp(log_shares((scope / "activation").weight(_CHOICE, 1, len(self.activations))))
        return functools.reduce(
            jnp.add,
            (shares[0, n] * Form("raw", one).activate(scope, name, x) for n, one in enumerate(self.activations)),
        )


def log_shares(choice: Any) -> jax.Array:
    """Logarithms of the shares of what may be done, of the weights [groups, choices] that are learnt."""
    shares: jax.Array = jax.nn.log_softmax(_SPEED * jnp.asarray(choice), axis=-1)
    return shares


def supernet(model: Model, attentions: Sequence[AttentionForm], activations: Sequence[ActivationForm], by: By) -> Model:
    """The model with everything undecided, all shares equal, and the same weights.

    Raises:
        UnsupportedError: a layer of the model has not exactly one attention and one activation.
    """
    form = Undecided(attentions=tuple(attentions), activations=tuple(activations), by=by)
    made = dataclasses.replace(model, forms=(form,) * model.layers)
    inputs = made.make_inputs(seq_len=1)
    asked = shapes_of(lambda scope: made.variant.network(scope, made.config, inputs, made.forms))
    choices = {name: jnp.zeros(shape, jnp.float32) for name, shape in asked.items() if name.endswith(f".{_CHOICE}")}
    if len(choices) != 2 * model.layers:
        raise UnsupportedError(f"layers of {model.name} do not have an attention and an activation each, of their own")
    return dataclasses.replace(made, params=tree_of({**dict(flat(model.params)), **choices}))


def choices(weights: Mapping[str, Any]) -> tuple[list[jax.Array], list[jax.Array]]:
    """Logarithms of the shares of each layer, of weights by dotted name in the order of layers: of attention
    [heads or 1, choices], and of the activation [choices]."""
    found = sorted((name for name in weights if name.endswith(f".{_CHOICE}")), key=_number)
    of_activation = [name for name in found if name.endswith(f".activation.{_CHOICE}")]
    attention = [log_shares(weights[name]) for name in found if name not in of_activation]
    return attention, [log_shares(weights[name])[0] for name in of_activation]


def _number(name: str) -> list[int]:
    return [int(part) for part in name.split(".") if part.isdigit()]
