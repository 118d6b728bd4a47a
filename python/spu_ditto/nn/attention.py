"""Attention, and what may stand in its place: from scores to a mixture of values.

Each form is written as it is cheapest on shares: a secret mask is multiplied into the values instead of into each row
of weights, and what divides a row is one more column of the values, so that the division comes after the product.

Names of sizes: b batch, t tokens (queries), s tokens (keys), h heads, d width of a head.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp

from spu_ditto.errors import UnsupportedError
from spu_ditto.nn.scope import Scope


@dataclass(frozen=True)
class Mask:
    """Who may look at whom; None allows everything.

    Attributes:
        tokens: what may be looked at, secret booleans [b, 1, 1, s].
        order: whom each token may look at, public booleans [1, 1, t, s].
    """

    tokens: jax.Array | None = None
    order: jax.Array | None = None

    @property
    def allowed(self) -> jax.Array | None:
        """What both allow."""
        if self.tokens is None or self.order is None:
            return self.order if self.tokens is None else self.tokens
        return jnp.logical_and(self.order, self.tokens)


def padded(mask: jax.Array | None) -> Mask:
    """Everybody at every token, of a mask [b, s] that is 1 where there is one."""
    return Mask(None if mask is None else (mask > 0)[:, None, None, :])


def causal(mask: jax.Array | None, tokens: int, window: int | None = None) -> Mask:
    """Each at itself and what comes before, `window` tokens in all."""
    distance = jnp.arange(tokens)[:, None] - jnp.arange(tokens)[None, :]
    allowed = distance >= 0
    if window is not None:
        allowed &= distance < window
    return dataclasses.replace(padded(mask), order=allowed[None, None])


def split_heads(x: jax.Array, heads: int) -> jax.Array:
    """[b, t, h d] to [b, t, h, d]."""
    return x.reshape(*x.shape[:2], heads, -1)


# So that squares of scores, and their sums, are within float16.
GAIN = 0.25


@dataclass(frozen=True)
class Attention:
    """What attention is made of.

    Attributes:
        scope: of its weights.
        query: [b, t, h, d], scaled.
        key, value: [b, s, g, d], where g divides h: so many heads of queries share one of keys.
        bias: added to the scores, [1, h, t, s].
        shift: what is added to scores under a square: a number, or "head" for a weight of each head.
        heads: which these are among all that there are.
        total: how many there are.
    """

    scope: Scope
    query: jax.Array
    key: jax.Array
    value: jax.Array
    mask: Mask
    bias: jax.Array | None
    shift: float | str
    heads: tuple[int, ...]
    total: int

    @cached_property
    def scores(self) -> jax.Array:
        """[b, h, t, s], in the dtype of the queries, but float32 with a bias."""
        batch, tokens, heads, depth = self.query.shape
        groups = self.key.shape[2]
        if groups == heads:
            scores = jnp.einsum("bthd,bshd->bhts", self.query, self.key)
        else:
            shared = self.query.reshape(batch, tokens, groups, heads // groups, depth)
            scores = jnp.einsum("btgnd,bsgd->bgnts", shared, self.key).reshape(batch, heads, tokens, -1)
        if self.bias is not None:
            scores = scores.astype(jnp.float32) + self.bias
        (self.scope / "scores").observe(scores)
        return scores

    def mixed(self, weights: jax.Array, value: jax.Array | None = None) -> jax.Array:
        """Values by weights [b, h, t, s]: [b, t, h, d]."""
        value = self.value if value is None else value
        batch, heads, tokens, _ = weights.shape
        groups = value.shape[2]
        weights = weights.astype(self.query.dtype)
        if groups == heads:
            return jnp.einsum("bhts,bshd->bthd", weights, value)
        shared = weights.reshape(batch, groups, heads // groups, tokens, -1)
        return jnp.einsum("bgnts,bsgd->btgnd", shared, value).reshape(batch, tokens, heads, -1)

    @property
    def masked_value(self) -> jax.Array:
        """Values that are 0 where no token is."""
        return self.value if self.mask.tokens is None else self.value * self._tokens

    @property
    def masked_value_and_one(self) -> jax.Array:
        """These, and a column of what is mixed of ones: [b, s, g, d + 1]."""
        ones = jnp.ones((*self.value.shape[:3], 1), self.value.dtype)
        if self.mask.tokens is not None:
            ones = ones * self._tokens
        return jnp.concatenate([self.masked_value, ones], axis=-1)

    @property
    def _tokens(self) -> jax.Array:
        assert self.mask.tokens is not None
        return jnp.moveaxis(self.mask.tokens, -1, 1).astype(self.value.dtype)

    def in_order(self, weights: jax.Array) -> jax.Array:
        """Weights that are 0 where the order forbids to look, which is public."""
        return weights if self.mask.order is None else weights * self.mask.order.astype(weights.dtype)

    def divided(self, weights: jax.Array, floor: float = 0.0) -> jax.Array:
        """Values by weights, divided by the sums of these and `floor`: [b, t, h, d]."""
        weights = self.in_order(weights)
        mixed = self.mixed(weights, self.masked_value).astype(jnp.float32)
        ones = jnp.ones((*self.value.shape[:2], 1, 1), self.value.dtype)
        if self.mask.tokens is not None:
            ones = ones * self._tokens
        total = jnp.einsum("bhts,bs->bth", weights.astype(self.query.dtype), ones[:, :, 0, 0])[..., None].astype(
            jnp.float32
        )
        return (mixed / (total + floor)).astype(self.query.dtype)

    @property
    def squares(self) -> jax.Array:
        """(s + shift)² GAIN²."""
        shift: Any = self.shift
        if shift == "head":
            shift = self.scope.weight("shift", self.total)[jnp.asarray(self.heads)][:, None, None]
        return jnp.square((self.scores + jnp.asarray(shift, self.scores.dtype)) * GAIN)


def _softmax(a: Attention) -> jax.Array:
    """e^s / Σ e^s."""
    return a.mixed(softmax(a.scores, a.mask.allowed))


def softmax(scores: jax.Array, allowed: jax.Array | None) -> jax.Array:
    """Over the last axis, in float32; what is not allowed has no weight."""
    return jax.nn.softmax(_hidden(scores, allowed).astype(jnp.float32))


def _hidden(scores: jax.Array, allowed: jax.Array | None) -> jax.Array:
    """Scores that are as good as minus infinity where nothing is allowed."""
    if allowed is None:
        return scores
    # The least number of a dtype stands for minus infinity.
    least = jnp.finfo(scores.dtype).min  # type: ignore[no-untyped-call]
    hidden: jax.Array = scores + jnp.where(allowed, jnp.zeros((), scores.dtype), least)
    return hidden


_CAP = 8.0


def _capped(a: Attention) -> jax.Array:
    """e^min(s, 8) / Σ e^min(s, 8): a softmax without a maximum."""
    weights = jnp.exp(jnp.minimum(a.scores.astype(jnp.float32), _CAP) - _CAP)
    return a.divided(weights)


def _softmax_freediv(a: Attention) -> jax.Array:
    """e^(s - max s) / f(n), f(n) = 0.9924 n^0.3333."""
    scores = _hidden(a.scores, a.mask.allowed).astype(jnp.float32)
    weights = jnp.exp(scores - jnp.max(scores, axis=-1, keepdims=True))
    return a.mixed(weights / (0.9923937666772096 * scores.shape[-1] ** 0.333253864762922))


def _quad(a: Attention) -> jax.Array:
    """(s + shift)² / Σ (s + shift)²."""
    return a.divided(a.squares)


def _quad_freediv(a: Attention) -> jax.Array:
    """(s + shift)² / f(n), f(n) = 84.07 n^0.7175; with a shift for each head what divides is in the weights around."""
    mixed = a.mixed(a.in_order(a.squares), a.masked_value)
    if a.shift == "head":
        return mixed
    divisor = 84.07373758071103 * a.scores.shape[-1] ** 0.7174745255779887 * GAIN**2
    divided: jax.Array = mixed.astype(jnp.float32) / divisor
    return divided.astype(mixed.dtype)


# Keeps a row of zeros from dividing by zero; one unit of the 8-bit fraction, where MPCFormer's 1e-12 would vanish.
_RELU_EPSILON = 2.0**-8


def _relu(a: Attention) -> jax.Array:
    """relu(s) / (Σ relu(s) + 2^-8)."""
    return a.divided(jax.nn.relu(a.scores), _RELU_EPSILON)


def _rsattn(a: Attention) -> jax.Array:
    """relu(s) / (Σ relu(s) + 1e-5)."""
    return a.divided(jax.nn.relu(a.scores), 1e-5)


def _scale(a: Attention) -> jax.Array:
    """s / n, from the right where there are more tokens than a head is wide: q (kᵀ v) / n."""
    tokens, depth, value = a.key.shape[1], a.query.shape[-1], a.masked_value
    if tokens <= depth or a.mask.order is not None or a.bias is not None or a.scope.observer is not None:
        return a.mixed(a.in_order(a.scores) / tokens, value)
    root = jnp.asarray(1 / math.sqrt(tokens), a.query.dtype)
    inner = jnp.einsum("bshd,bshe->bhde", a.key * root, value)
    mixed: jax.Array = jnp.einsum("bthd,bhde->bthe", a.query * root, inner)
    return mixed


FORMS: dict[str, Callable[[Attention], jax.Array]] = {
    "raw": _softmax,
    "capped": _capped,
    "softmax-freediv": _softmax_freediv,
    "2quad": _quad,
    "2quad-freediv": _quad_freediv,
    "2relu": _relu,
    "rsattn": _rsattn,
    "scale": _scale,
}


def attend(
    scope: Scope,
    query: jax.Array,
    key: jax.Array,
    value: jax.Array,
    mask: Mask,
    form: Any,
    *,
    scale: float | None = None,
    bias: jax.Array | None = None,
) -> jax.Array:
    """Attention of several heads, [b, t, h d] in the dtype of the queries; see `Attention` for what it takes.

    Args:
        form: what each head does (`spu_ditto.nn.forms.Form`).
        scale: of the scores; 1/√d if not given.

    Raises:
        UnsupportedError: the form says other than one or all heads, or heads that share keys are to differ.
    """
    heads = query.shape[2]
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    if scale != 1:
        query = query * jnp.asarray(scale, query.dtype)
    whole = Attention(scope, query, key, value, mask, bias, form.shift, tuple(range(heads)), heads)
    mixed: jax.Array = form.attend(whole)
    return mixed.reshape(*mixed.shape[:2], -1)


def by_head(whole: Attention, names: tuple[str, ...]) -> jax.Array:
    """Each head by a form of its own, [b, t, h, d]: heads of each form together, then in their order."""
    if len(set(names)) == 1:
        return FORMS[names[0]](whole)
    if whole.key.shape[2] != whole.total:
        raise UnsupportedError(f"heads of {whole.scope.path} share their keys: all have to have one form of attention")
    parts: list[jax.Array] = []
    order: list[int] = []
    for name in dict.fromkeys(names):
        own = tuple(n for n, other in enumerate(names) if other == name)
        pick = jnp.asarray(own)
        part = dataclasses.replace(
            whole,
            query=whole.query[:, :, pick],
            key=whole.key[:, :, pick],
            value=whole.value[:, :, pick],
            bias=None if whole.bias is None else whole.bias[:, pick],
            heads=own,
        )
        parts.append(FORMS[name](part))
        order += own
    back = jnp.asarray(sorted(range(len(order)), key=order.__getitem__))
    return jnp.concatenate(parts, axis=2)[:, :, back]
