"""What a layer does for attention, activation and norms: its own functions, or stand-ins that are cheaper on shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import jax
import jax.numpy as jnp

from spu_ditto.errors import UnsupportedError
from spu_ditto.nn import layers
from spu_ditto.nn.attention import Attention, by_head
from spu_ditto.nn.scope import Scope

ActivationForm = Literal["raw", "quad", "poly", "relu", "quadratic"]
NormForm = Literal["raw", "linear"]
# Where a layer has norms: at its attention, before or behind it, and at its MLP.
Part = Literal["attention", "mlp"]
AttentionForm = Literal["raw", "capped", "softmax-freediv", "2quad", "2quad-freediv", "2relu", "rsattn", "scale"]
ATTENTIONS: tuple[AttentionForm, ...] = get_args(AttentionForm)


def quad_gelu(x: jax.Array) -> jax.Array:
    """MPCFormer's quadratic stand-in for GELU, 0.125 x^2 + 0.25 x + 0.5 (arXiv:2211.01452)."""
    result: jax.Array = 0.125 * jnp.square(x) + 0.25 * x + 0.5
    return result


def poly_gelu(x: jax.Array) -> jax.Array:
    """PUMA's piecewise polynomial GELU, within 0.02 of the exact one (arXiv:2307.12533, section 4.1)."""
    cubic = _horner(x, (-0.5054031199708174, -0.42226581151983866, -0.11807612951181953, -0.011034134030615728))
    square = jnp.square(x)
    even = _horner(square, (0.008526321541038084, 0.3603292692789629, -0.037688200365904236, 0.0018067462606141187))
    inner = jnp.where(x < -1.95, cubic, even + 0.5 * x)
    return jnp.where(x < -4.0, jnp.zeros_like(x), jnp.where(x > 3.0, x, inner))


def _horner(x: jax.Array, coefficients: tuple[float, ...]) -> jax.Array:
    total: jax.Array = jnp.full_like(x, coefficients[-1])
    for c in reversed(coefficients[:-1]):
        total = total * x + c
    return total


def squared_and_plain(x: jax.Array) -> jax.Array:
    """[x², x]: a quadratic of each neuron, a x² + b x + c, when the matrix that follows is [a∘W, b∘W] and its bias has
    the rest; see `spu_ditto.nn.fit`."""
    return jnp.concatenate([jnp.square(x), x], axis=-1)


_ACTIVATIONS: dict[str, layers.Activation] = {
    "quad": quad_gelu,
    "poly": poly_gelu,
    "relu": jax.nn.relu,
    "quadratic": squared_and_plain,
}


@dataclass(frozen=True)
class Form:
    """What one layer does.

    Attributes:
        attention: one for all heads, or one for each; see `spu_ditto.nn.attention`.
        activation: in the place of GELU; other functions stay as they are.
        shift: what is added to scores under a square: a number, or "head" where each head has a weight for it.
        norm: in the place of LayerNorm, at attention and at the MLP, or one for both; others stay as they are.

    Raises:
        UnsupportedError: there is no such form.
    """

    attention: AttentionForm | tuple[AttentionForm, ...] = "raw"
    activation: ActivationForm = "raw"
    shift: float | Literal["head"] = 5.0
    norm: NormForm | tuple[NormForm, NormForm] = "raw"

    def __post_init__(self) -> None:
        for name in self.attention if isinstance(self.attention, tuple) else (self.attention,):
            if name not in ATTENTIONS:
                raise UnsupportedError(f"attention={name!r} is not one of {', '.join(ATTENTIONS)}")
        if self.activation not in get_args(ActivationForm):
            raise UnsupportedError(
                f"activation={self.activation!r} is not one of {', '.join(get_args(ActivationForm))}"
            )

        for norm in self.norms:
            if norm not in get_args(NormForm):
                raise UnsupportedError(f"norm={norm!r} is not one of {', '.join(get_args(NormForm))}")
        if len(self.norms) != len(get_args(Part)):
            raise UnsupportedError(f"norm={self.norm!r}: give one, or one at attention and one at the MLP")

    @property
    def norms(self) -> tuple[NormForm, ...]:
        """At attention, and at the MLP."""
        return self.norm if isinstance(self.norm, tuple) else (self.norm, self.norm)

    def attend(self, whole: Attention) -> jax.Array:
        """What attention gives, [b, t, h, d]."""
        return by_head(whole, self.attention_of(whole.total))

    def activate(self, scope: Scope, name: str, x: jax.Array) -> jax.Array:
        """The activation that the configuration calls so, or what stands for it. "quadratic" doubles the width.

        Args:
            scope: of the layer.
        """
        (scope / "activation").observe(x)
        own = layers.activation(name)
        return (own if self.activation == "raw" or "gelu" not in name else _ACTIVATIONS[self.activation])(x)

    def gated(self, scope: Scope, name: str, gate: jax.Array, x: jax.Array) -> jax.Array:
        """`x` times the activation of `gate`. Raises UnsupportedError for quadratics, which have two parts."""
        if self.activation == "quadratic":
            raise UnsupportedError("quadratics of each neuron do not stand for an activation that gates another")
        return self.activate(scope, name, gate) * x

    def normalise(self, part: Part, scope: Scope, x: jax.Array, epsilon: float) -> jax.Array:
        """The LayerNorm of tokens [b, t, width] that a part has, or what stands for it; float32."""
        (scope / f"{part}.norm").observe(x)
        raw = self.norms[get_args(Part).index(part)] == "raw"
        return layers.layer_norm(scope, x, epsilon) if raw else layers.linear_norm(scope, x)

    def attention_of(self, heads: int) -> tuple[AttentionForm, ...]:
        """What each of so many heads does."""
        if not isinstance(self.attention, tuple):
            return (self.attention,) * heads
        if len(self.attention) != heads:
            raise UnsupportedError(f"attention is given for {len(self.attention)} heads, and there are {heads}")
        return self.attention


# One a layer; those of an encoder, then those of its decoder.
Forms = Sequence[Form]
