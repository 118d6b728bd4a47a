"""What networks are made of. Linear layers compute in the dtype of their scope; statistics, exponentials and whatever
else needs range in float32.

Names of sizes: b batch, t tokens (queries), s tokens (keys), h heads, d width of a head.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from spu_ditto.errors import UnsupportedError
from spu_ditto.nn.scope import Scope


def dense(scope: Scope, x: jax.Array, width: int, *, bias: bool = True, transposed: bool = True) -> jax.Array:
    """x W + b over the last axis, in the dtype of the scope.

    Args:
        transposed: whether the file keeps W as [out, in], as PyTorch's Linear does; GPT2's is [in, out].
    """
    scope.observe(x)
    size = x.shape[-1]
    kernel = scope.weight("weight", width, size).T if transposed else scope.weight("weight", size, width)
    y = jnp.dot(x.astype(scope.dtype), kernel.astype(scope.dtype))
    return y + scope.weight("bias", width).astype(scope.dtype) if bias else y


def tied(scope: Scope, x: jax.Array, table: jax.Array) -> jax.Array:
    """x Eᵀ: scores of all words, of which `table` [words, size] holds the embeddings."""
    scope.observe(x)
    return jnp.dot(x.astype(scope.dtype), table.T.astype(scope.dtype))


def table(scope: Scope, rows: int, width: int) -> jax.Array:
    """An embedding's weights [rows, width]."""
    return scope.weight("weight", rows, width)


def embed(table: jax.Array, ids: jax.Array) -> jax.Array:
    """Rows of a table [rows, width] by secret numbers [...]: [..., width]."""
    return jnp.take(table, ids, axis=0)


def layer_norm(scope: Scope, x: jax.Array, epsilon: float) -> jax.Array:
    """LayerNorm over the last axis; float32 whatever comes in."""
    x = x.astype(jnp.float32)
    mean = jnp.mean(x, axis=-1, keepdims=True)
    variance = jnp.maximum(0.0, jnp.mean(jnp.square(x), axis=-1, keepdims=True) - jnp.square(mean))
    scale = jax.lax.rsqrt(variance + epsilon) * scope.weight("weight", x.shape[-1])
    return (x - mean) * scale + scope.weight("bias", x.shape[-1])


def linear_norm(scope: Scope, x: jax.Array) -> jax.Array:
    """What stands for LayerNorm, (x - mean) γ + β over the last axis of [b, t, width]; float32 whatever comes in.

    The weights [2, width] are γ of the first token and of all others, each divided by what is usual for the deviation
    there: that of the first, which most attention falls on, is often ten times that of the others.
    """
    x = x.astype(jnp.float32)
    tokens, width = x.shape[-2:]
    first, others = jnp.split(scope.weight("weight", 2, width), 2)
    gain = jnp.concatenate([first, jnp.broadcast_to(others, (tokens - 1, width))])
    return (x - jnp.mean(x, axis=-1, keepdims=True)) * gain + scope.weight("bias", width)


def rms_norm(scope: Scope, x: jax.Array, epsilon: float, *, offset: float = 0.0) -> jax.Array:
    """Root-mean-square norm over the last axis, float32; the scale is `offset` + the weight (Gemma: 1)."""
    x = x.astype(jnp.float32)
    scale = scope.weight("weight", x.shape[-1])
    variance = jnp.mean(jnp.square(x), axis=-1, keepdims=True)
    # The scale first: on shares it is then multiplied in while the root is computed.
    return x * (scale + offset if offset else scale) * jax.lax.rsqrt(variance + epsilon)


def convolution(
    scope: Scope, x: jax.Array, width: int, size: tuple[int, ...], *, stride: int, padding: int = 0, bias: bool = True
) -> jax.Array:
    """A convolution of [b, channels, *space] in the scope's dtype."""
    channels = x.shape[1]
    kernel = scope.weight("weight", width, channels, *size)
    y: jax.Array = jax.lax.conv_general_dilated(
        x.astype(scope.dtype), kernel.astype(scope.dtype), (stride,) * len(size), [(padding, padding)] * len(size)
    )
    if not bias:
        return y
    shift = scope.weight("bias", width).astype(scope.dtype)
    return y + shift.reshape(-1, *(1,) * len(size))


def patches(scope: Scope, pixels: jax.Array, width: int, size: int, *, bias: bool = True) -> jax.Array:
    """Images [b, channels, height, width] cut into squares, each mapped to a vector: [b, squares, width], float32.

    A convolution whose stride is its size is a matrix product.
    """
    batch, channels, height, across = pixels.shape
    rows, columns = height // size, across // size
    x = pixels[:, :, : rows * size, : columns * size].reshape(batch, channels, rows, size, columns, size)
    x = x.transpose(0, 2, 4, 1, 3, 5).reshape(batch, rows * columns, channels * size * size)
    kernel = scope.weight("weight", width, channels, size, size).reshape(width, -1).T
    y = jnp.dot(x.astype(scope.dtype), kernel.astype(scope.dtype))
    return y + scope.weight("bias", width).astype(scope.dtype) if bias else y


# ------------------------------------------------------------------------------------------------ activations


def quick_gelu(x: jax.Array) -> jax.Array:
    """x sigmoid(1.702 x), CLIP's stand-in for GELU."""
    gated: jax.Array = x * jax.nn.sigmoid(1.702 * x)
    return gated


Activation = Callable[[jax.Array], jax.Array]
_gelu_exact: Activation = functools.partial(jax.nn.gelu, approximate=False)
_gelu_tanh: Activation = functools.partial(jax.nn.gelu, approximate=True)

ACTIVATIONS: dict[str, Activation] = {
    "gelu": _gelu_exact,
    "gelu_new": _gelu_tanh,
    "gelu_fast": _gelu_tanh,
    "gelu_pytorch_tanh": _gelu_tanh,
    "quick_gelu": quick_gelu,
    "relu": jax.nn.relu,
    "silu": jax.nn.silu,
    "swish": jax.nn.silu,
    "tanh": jnp.tanh,
}


def activation(name: str) -> Activation:
    """The function that configurations call so."""
    if name not in ACTIVATIONS:
        raise UnsupportedError(f"the activation {name} is not one of {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]


# ------------------------------------------------------------------------------------------------------ tokens


def mean_pool(hidden: jax.Array, mask: jax.Array) -> jax.Array:
    """Mean over the unmasked tokens: [b, t, width] and a 0/1 mask [b, t] to [b, width]."""
    hidden = hidden.astype(jnp.float32)
    # A comparison tells the compiler what it cannot know of a secret: that the mask is 0 or 1.
    weight = (mask > 0).astype(jnp.float32)
    return jnp.einsum("bt,bth->bh", weight, hidden) / jnp.sum(weight, axis=1, keepdims=True)


def last_token(x: jax.Array, mask: jax.Array) -> jax.Array:
    """What stands at the last token of each row: [b, t, width] and a mask of ones, then zeros, [b, t] to [b, width]."""
    here = (mask > 0).astype(jnp.float32)
    following = jnp.pad(here[:, 1:], ((0, 0), (0, 1)))
    return jnp.einsum("bt,bth->bh", here - following, x.astype(jnp.float32))


def shift_right(ids: jax.Array, start: int) -> jax.Array:
    """A decoder's inputs for what it is to say: [b, t], `start` first."""
    return jnp.pad(ids[:, :-1], ((0, 0), (1, 0)), constant_values=start)


def unit(x: jax.Array) -> jax.Array:
    """Vectors of length 1 along the last axis, float32."""
    x = x.astype(jnp.float32)
    return x * jax.lax.rsqrt(jnp.sum(jnp.square(x), axis=-1, keepdims=True))


def position_rows(weights: Any, tokens: int, first: int = 0) -> jax.Array:
    """The embeddings of positions, which are public: rows of a table [positions, width], as [1, t, width]."""
    return jnp.asarray(weights[first : first + tokens])[None]
