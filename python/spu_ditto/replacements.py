"""Attention weights and activations for the models of `spu_ditto.models`, swapped in while a model is traced.

Hugging Face's Flax classes look both up in their module's globals, so a context manager can replace them there for the
time of a trace. Installed files and other threads' finished traces are untouched.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from functools import partial
from types import ModuleType
from typing import Any, Literal

import jax
import jax.numpy as jnp

Gelu = Literal["raw", "quad", "poly"]
Softmax = Literal["raw", "2quad", "2relu"]

# Tracing reads module globals, so two traces must not replace them at once.
_lock = threading.RLock()

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
    weights = jnp.square(scores + _QUAD_SHIFT)
    if allowed is not None:
        weights = jnp.where(allowed, weights, jnp.zeros_like(weights))
    return weights / jnp.sum(weights, axis=-1, keepdims=True)


def softmax_2relu(scores: jax.Array, allowed: jax.Array | None) -> jax.Array:
    """MPCFormer's relu(x) / sum relu(x) over the last axis; positions not `allowed` weigh nothing."""
    weights: jax.Array = jax.nn.relu(scores)
    if allowed is not None:
        weights = jnp.where(allowed, weights, jnp.zeros_like(weights))
    total: jax.Array = jnp.sum(weights, axis=-1, keepdims=True) + _RELU_EPSILON
    return weights / total


def attention_weights(
    query: jax.Array, key: jax.Array, bias: jax.Array | None = None, *, softmax: Softmax = "raw", **_: Any
) -> jax.Array:
    """Attention weights in the dtype of the queries, with the softmax in float32.

    Takes the place of `flax.linen.attention.dot_product_attention_weights`, which runs the softmax in the dtype of the
    dots. Dropout arguments are ignored: a secure model is evaluated, not trained.

    Args:
        query: [batch, queries, heads, depth]; key: [batch, keys, heads, depth].
        bias: added to the scores before the softmax, broadcastable to [batch, heads, queries, keys]; 0 or very low.
    """
    query = query / jnp.sqrt(query.shape[-1]).astype(query.dtype)
    scores = jnp.einsum("...qhd,...khd->...hqk", query, key)
    if softmax == "raw":
        if bias is not None:
            scores = scores + bias
        weights = jax.nn.softmax(scores.astype(jnp.float32))
    else:
        allowed = None if bias is None else jnp.broadcast_to(bias > -1, scores.shape)
        function = {"2quad": softmax_2quad, "2relu": softmax_2relu}[softmax]
        weights = function(scores.astype(jnp.float32), allowed)
    return weights.astype(query.dtype)


_GELUS: dict[str, Callable[[jax.Array], jax.Array]] = {"quad": quad_gelu, "poly": poly_gelu}


@contextlib.contextmanager
def replaced(module: ModuleType, gelu: Gelu, softmax: Softmax) -> Iterator[None]:
    """While open, models of the Hugging Face module `module` use these functions; restores it whatever happens."""
    values: dict[str, Any] = {"dot_product_attention_weights": partial(attention_weights, softmax=softmax)}
    if gelu != "raw":
        originals = module.ACT2FN
        values["ACT2FN"] = {k: _GELUS[gelu] if "gelu" in k else v for k, v in originals.items()}
    with _lock:
        saved = {name: getattr(module, name) for name in values}
        try:
            for name, value in values.items():
                setattr(module, name, value)
            yield
        finally:
            for name, value in saved.items():
                setattr(module, name, value)
