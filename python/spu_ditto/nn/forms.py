"""What may stand in the place of softmax and GELU, which are dear under secure computation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import jax
import jax.numpy as jnp

from spu_ditto.errors import UnsupportedError
from spu_ditto.nn import layers

Gelu = Literal["raw", "quad", "poly", "relu"]
Softmax = Literal["raw", "2quad", "2relu"]

_QUAD_SHIFT = 5.0
# Keeps a row of zeros from dividing by zero; one unit of the 8-bit fraction, where MPCFormer's 1e-12 would vanish.
_RELU_EPSILON = 2.0**-8


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


def softmax_2quad(scores: jax.Array, allowed: jax.Array | None) -> jax.Array:
    """MPCFormer's (x + 5)^2 / sum (x + 5)^2 over the last axis; positions not `allowed` weigh nothing."""
    weights = jnp.square(scores.astype(jnp.float32) + _QUAD_SHIFT)
    if allowed is not None:
        weights = jnp.where(allowed, weights, jnp.zeros_like(weights))
    return weights / jnp.sum(weights, axis=-1, keepdims=True)


def softmax_2relu(scores: jax.Array, allowed: jax.Array | None) -> jax.Array:
    """MPCFormer's relu(x) / sum relu(x) over the last axis; positions not `allowed` weigh nothing."""
    weights: jax.Array = jax.nn.relu(scores.astype(jnp.float32))
    if allowed is not None:
        weights = jnp.where(allowed, weights, jnp.zeros_like(weights))
    total: jax.Array = jnp.sum(weights, axis=-1, keepdims=True) + _RELU_EPSILON
    return weights / total


_GELUS: dict[str, layers.Activation] = {"quad": quad_gelu, "poly": poly_gelu, "relu": jax.nn.relu}
_SOFTMAXES: dict[str, layers.Weigh] = {"raw": layers.softmax, "2quad": softmax_2quad, "2relu": softmax_2relu}


@dataclass(frozen=True)
class Form:
    """What one layer uses: its own functions ("raw") or stand-ins.

    Raises:
        UnsupportedError: there is no such function.
    """

    gelu: Gelu = "raw"
    softmax: Softmax = "raw"

    def __post_init__(self) -> None:
        for what, value, known in (("gelu", self.gelu, get_args(Gelu)), ("softmax", self.softmax, get_args(Softmax))):
            if value not in known:
                raise UnsupportedError(f"{what}={value!r} is not one of {', '.join(known)}")

    def activation(self, name: str) -> layers.Activation:
        """The activation that the configuration calls so, or what stands for it."""
        own = layers.activation(name)
        return own if self.gelu == "raw" or "gelu" not in name else _GELUS[self.gelu]

    @property
    def weigh(self) -> layers.Weigh:
        """Attention weights [b, h, t, s] from scores and what is allowed."""
        return _SOFTMAXES[self.softmax]


# One a layer; those of an encoder, then those of its decoder.
Forms = Sequence[Form]
