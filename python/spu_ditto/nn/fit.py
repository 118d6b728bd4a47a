"""Stand-ins that fit a model: what attention and activation are replaced with is adjusted to what goes through it.

Layer after layer, on what the layers before it give that have been replaced already:

- a shift for each head, so that (s + shift)² / Σ (s + shift)² is closest to the softmax of its scores; without a
  division, a constant for each head in the place of Σ, which is put into the matrix behind the heads;
- a quadratic a x² + b x + c for each neuron, closest to its activation, which is put into the matrix behind: that takes
  [x², x] and is [a∘W, b∘W], and its bias has c W;
- a factor for the first token and one for all others in the place of 1/σ of each norm, which is put into its gain.

No training; a minute for a BERT of six layers and 500 sentences. It is where distillation begins.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

import jax
import jax.numpy as jnp
import numpy as np

from spu_ditto.errors import UnsupportedError
from spu_ditto.nn import layers
from spu_ditto.nn.attention import GAIN
from spu_ditto.nn.forms import ActivationForm, AttentionForm, Form, NormForm, Part
from spu_ditto.nn.scope import OBSERVED_BESIDES, flat, tree_of

Array = np.ndarray[Any, Any]

_BATCH = 64
_SHIFTS = np.linspace(0.25, 8, 32)
_RIDGE = 1e-7
_LEAST_VARIANCE = 1e-12


@dataclass(frozen=True)
class Fitted:
    """How well a layer's stand-ins fit: root mean squares of the error over those of what is replaced.

    Attributes:
        attention: of the weights, a number a head; empty if it is the model's own.
        shifts: of the heads.
        activation: over all neurons; None if it is the model's own.
        norms: of the layer's norms, in their order; empty if they are the model's own.
    """

    layer: str
    attention: tuple[float, ...]
    shifts: tuple[float, ...]
    activation: float | None = None
    norms: tuple[float, ...] = ()

    def __str__(self) -> str:
        told = [self.layer]
        if self.attention:
            told.append("attention off by " + ", ".join(f"{100 * e:.0f} %" for e in self.attention))
        if self.activation is not None:
            told.append(f"activation off by {100 * self.activation:.1f} %")
        if self.norms:
            told.append("norms off by " + ", ".join(f"{100 * e:.0f} %" for e in self.norms))
        return "; ".join(told)


def taps(model: Any, inputs: Mapping[str, Array], wanted: Callable[[str], bool]) -> dict[str, Array]:
    """What goes through the model, in float32, where `wanted`: by name, all inputs along the first axis."""

    def run(params: Any, batch: Any) -> dict[str, jax.Array]:
        found: dict[str, jax.Array] = {}
        model.run(params, batch, {}, lambda name, value: found.update({name: value}) if wanted(name) else None)
        return found

    count, compiled = len(next(iter(inputs.values()))), jax.jit(run)
    parts = [
        compiled(model.params, {name: array[start : start + _BATCH] for name, array in inputs.items()})
        for start in range(0, count, _BATCH)
    ]
    return {name: np.concatenate([np.asarray(part[name]) for part in parts]) for name in parts[0]}


def names_of_taps(model: Any) -> list[str]:
    """The names of all that can be observed, in the order in which it is computed."""
    names: list[str] = []
    jax.eval_shape(
        lambda: model.run(model.params, model.make_inputs(seq_len=1), {}, lambda name, _: names.append(name))
    )
    return names


def fit(
    model: Any,
    inputs: Mapping[str, Array],
    *,
    attention: AttentionForm = "raw",
    activation: ActivationForm = "raw",
    norm: NormForm | tuple[NormForm, NormForm] = "raw",
    told: Callable[[Fitted], None] = lambda _: None,
) -> Any:
    """The model with stand-ins that fit it.

    Args:
        model: a `spu_ditto.models.Model` without stand-ins.
        inputs: what goes through it, as of `encode`: some hundred texts like those that it will see.
        attention: "2quad" and "2quad-freediv" get a shift for each head; others are as they are.
        activation: "quadratic" is fitted; others are as they are.
        norm: "linear" is fitted, at attention and at the MLP, or as is given for each of them.
        told: called with how well each layer fits.

    Raises:
        UnsupportedError: the layers share their weights, or do not have what is to be replaced.
    """
    if any(form != Form() for form in model.forms):
        raise UnsupportedError(f"{model.name} has stand-ins already; fit the model that it was made of")
    names = names_of_taps(model)
    if len(set(names)) < len(names):
        raise UnsupportedError(f"layers of {model.name} share their weights, and cannot each have what fits them")
    scores = [name for name in names if name.endswith(".scores")]
    activations = [name for name in names if name.endswith(".activation")]
    if len(scores) != len(model.forms):
        raise UnsupportedError(f"{model.name} has {len(scores)} attentions in {len(model.forms)} layers; fit takes one")
    for n in range(len(model.forms)):
        found = Fitted(scores[n].removesuffix(".scores"), (), ())
        if attention in ("2quad", "2quad-freediv"):
            model, found = _fit_attention(model, inputs, n, scores[n], _next_dense(names, scores[n]), attention, found)
        elif attention != "raw":
            model = _with_form(model, n, attention=attention)
        if activation == "quadratic":
            behind = _next_dense(names, activations[n])
            model, error = _fit_activation(model, inputs, n, activations[n], behind)
            found = dataclasses.replace(found, activation=error)
        elif activation != "raw":
            model = _with_form(model, n, activation=activation)
        if "linear" in Form(norm=norm).norms:
            model, errors = _fit_norms(model, inputs, n, norm)
            found = dataclasses.replace(found, norms=errors)
        told(found)
    return model


def _next_dense(names: list[str], name: str) -> str:
    """The linear layer that takes what has been made of what is called so."""
    return next(n for n in names[names.index(name) + 1 :] if not n.endswith(OBSERVED_BESIDES))


def _with_form(model: Any, layer: int, weights: Mapping[str, Array] | None = None, **changes: Any) -> Any:
    forms = list(model.forms)
    forms[layer] = dataclasses.replace(forms[layer], **changes)
    params = tree_of({**dict(flat(model.params)), **(weights or {})})
    return dataclasses.replace(model, forms=tuple(forms), params=params)


def _fit_attention(
    model: Any, inputs: Mapping[str, Array], layer: int, name: str, behind: str, form: AttentionForm, found: Fitted
) -> tuple[Any, Fitted]:
    scores = taps(model, inputs, lambda tap: tap == name)[name]
    mask = inputs.get("attention_mask", np.ones((len(scores), scores.shape[-1]), np.int32)) > 0
    allowed = np.broadcast_to(mask[:, None, :], (len(mask), scores.shape[-2], mask.shape[-1]))
    if model.family.causal:
        allowed = allowed & np.tril(np.ones(allowed.shape[-2:], bool))
    rows = mask if scores.shape[-2] == mask.shape[-1] else np.ones(scores.shape[:1] + scores.shape[2:3], bool)
    free = form == "2quad-freediv"
    best = jax.jit(lambda s: _best_shift(s, jnp.asarray(allowed[rows]), free))
    each = [tuple(float(x) for x in best(jnp.asarray(scores[:, head][rows]))) for head in range(scores.shape[1])]
    errors, shifts, constants = zip(*each)
    weights = {name.removesuffix("scores") + "shift": np.asarray(shifts, np.float32)}
    if free:
        kernel = dict(flat(model.params))[f"{behind}.weight"]
        width = scores.shape[1] * (_inner(kernel, model) // scores.shape[1])
        gains = np.repeat(np.asarray(constants, np.float32) / GAIN**2, width // scores.shape[1])
        weights[f"{behind}.weight"] = kernel * (gains[:, None] if model.family.in_out else gains)
    return (
        _with_form(model, layer, weights, attention=form, shift="head"),
        dataclasses.replace(found, attention=errors, shifts=shifts),
    )


def _inner(kernel: Array, model: Any) -> int:
    return int(kernel.shape[0 if model.family.in_out else 1])


def _best_shift(scores: jax.Array, allowed: jax.Array, free: bool) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The error, the shift and the constant that fit the rows [rows, s] of a head best."""
    exact = jax.nn.softmax(jnp.where(allowed, scores, -jnp.inf), axis=-1)

    def error_of(shift: jax.Array) -> tuple[jax.Array, jax.Array]:
        squares = jnp.where(allowed, jnp.square(scores + shift), 0)
        if free:
            constant = jnp.sum(squares * exact) / jnp.sum(jnp.square(squares))
            weights = squares * constant
        else:
            constant = jnp.float32(1)
            weights = squares / jnp.sum(squares, axis=-1, keepdims=True)
        return jnp.sqrt(jnp.sum(jnp.square(weights - exact)) / jnp.sum(jnp.square(exact))), constant

    errors, constants = jax.lax.map(error_of, jnp.asarray(_SHIFTS, jnp.float32))
    at = jnp.argmin(errors)
    return errors[at], jnp.asarray(_SHIFTS, jnp.float32)[at], constants[at]


def _there(inputs: Mapping[str, Array], x: Array) -> Array:
    """Which tokens of [b, t, ...] are no padding, [b, t]."""
    mask = inputs.get("attention_mask")
    return mask > 0 if mask is not None and mask.shape == x.shape[:2] else np.ones(x.shape[:2], bool)


def _fit_activation(model: Any, inputs: Mapping[str, Array], layer: int, name: str, behind: str) -> tuple[Any, float]:
    stored = dict(flat(model.params))
    act = model.config[model.family.activation]
    if "gelu" not in act or f"{behind}.bias" not in stored:
        raise UnsupportedError(f"quadratics stand for GELU, and not for {act} in {name.removesuffix('.activation')}")
    before = taps(model, inputs, lambda tap: tap == name)[name]
    x = before[_there(inputs, before)]
    y = np.asarray(layers.activation(act)(jnp.asarray(x)))
    a, b, c, error = _quadratics(x, y)
    kernel, transposed = stored[f"{behind}.weight"], model.family.in_out
    kernel = kernel if transposed else kernel.T  # [in, out]
    folded = np.concatenate([a[:, None] * kernel, b[:, None] * kernel]).astype(np.float32)
    weights = {
        f"{behind}.weight": folded if transposed else np.ascontiguousarray(folded.T),
        f"{behind}.bias": (stored[f"{behind}.bias"] + c @ kernel).astype(np.float32),
    }
    return _with_form(model, layer, weights, activation="quadratic"), error


def _fit_norms(
    model: Any, inputs: Mapping[str, Array], layer: int, norm: NormForm | tuple[NormForm, NormForm]
) -> tuple[Any, tuple[float, ...]]:
    """One after the other, each on what the ones before it give."""
    linear = [part for part, one in zip(get_args(Part), Form(norm=norm).norms) if one == "linear"]
    # The first part of a path that is a number is the layer's.
    in_layers = re.compile(rf"(?:[^.]*[^.\d][^.]*\.)*{layer}\..*\.({'|'.join(linear)})\.norm")
    names = {
        tap: found[0].removesuffix(f".{found[1]}.norm")
        for tap in names_of_taps(model)
        if (found := in_layers.fullmatch(tap))
    }
    if not names:
        raise UnsupportedError(f"layers of {model.name} have no LayerNorm that something linear could stand for")
    stored = dict(flat(model.params))
    gains = {tap: stored[f"{name}.weight"] for tap, name in names.items()}
    model = _with_form(model, layer, {f"{names[tap]}.weight": np.stack([g, g]) for tap, g in gains.items()}, norm=norm)
    errors = []
    for tap, name in names.items():
        x = taps(model, inputs, tap.__eq__)[tap].astype(np.float64)
        deviations = np.sqrt(np.var(x, axis=-1) + _LEAST_VARIANCE)
        there = _there(inputs, x)
        parts = [deviations[part][there[part]] for part in (np.s_[:, :1], np.s_[:, 1:])]
        factors = [np.sum(sigma) / np.sum(sigma**2) for sigma in parts]
        off = sum(np.sum((factor * sigma - 1) ** 2) for factor, sigma in zip(factors, parts))
        errors.append(float(np.sqrt(off / np.sum(there))))
        model = _with_form(model, layer, {f"{name}.weight": np.outer(factors, gains[tap]).astype(np.float32)})
    return model, tuple(errors)


def _quadratics(x: Array, y: Array) -> tuple[Array, Array, Array, float]:
    """Of each column, a x² + b x + c closest to y, and how far off all are."""
    powers = np.stack([x.astype(np.float64) ** 2, x, np.ones_like(x)], axis=-1).transpose(1, 0, 2)
    gram = powers.transpose(0, 2, 1) @ powers
    gram += _RIDGE * np.trace(gram, axis1=1, axis2=2)[:, None, None] * np.eye(3)
    wanted = powers.transpose(0, 2, 1) @ y.T[..., None].astype(np.float64)
    found = np.linalg.solve(gram, wanted)
    off = (powers @ found)[..., 0].T - y
    error = float(np.sqrt(np.sum(off**2) / np.sum(y.astype(np.float64) ** 2)))
    return found[:, 0, 0], found[:, 1, 0], found[:, 2, 0], error
