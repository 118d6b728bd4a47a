"""What stands for attention, activation and norms: what it is by definition, and that it fits when it is fitted."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import spu_ditto
from spu_ditto import models
from spu_ditto.errors import UnsupportedError
from spu_ditto.nn.attention import FORMS, Mask, attend, causal, padded
from spu_ditto.nn.fit import Fitted, fit, names_of_taps, taps
from spu_ditto.nn.forms import ATTENTIONS, Form, squared_and_plain
from spu_ditto.nn.layers import linear_norm
from spu_ditto.nn.scope import Scope, flat, from_tree
from tests.nn.directories import Directory

Array = np.ndarray[Any, Any]
HEADS, DEPTH, TOKENS = 3, 4, 7
LENGTHS = np.array([7, 4])


def textbook(name: str, scores: Array, allowed: Array, shift: Array) -> Array:
    """Weights of a row of scores, as they are defined."""
    n = scores.shape[-1]
    squares = allowed * (scores + shift) ** 2
    relus = allowed * np.maximum(scores, 0)
    powers = np.where(allowed, np.exp(scores - np.where(allowed, scores, -np.inf).max(-1, keepdims=True)), 0)
    capped = allowed * np.exp(np.minimum(scores, 8))

    def normalised(weights: Array, floor: float = 0.0) -> Array:
        return weights / (weights.sum(-1, keepdims=True) + floor)

    return {
        "raw": lambda: normalised(powers),
        "capped": lambda: normalised(capped),
        "softmax-freediv": lambda: powers / (0.9923937666772096 * n**0.333253864762922),
        "2quad": lambda: normalised(squares),
        "2quad-freediv": lambda: squares / (84.07373758071103 * n**0.7174745255779887),
        "2relu": lambda: normalised(relus, 2.0**-8),
        "rsattn": lambda: normalised(relus, 1e-5),
        "scale": lambda: allowed * scores / n,
    }[name]()


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("name", ATTENTIONS)
def test_attention_is_as_defined(name: str, ordered: bool) -> None:
    rng = np.random.default_rng(0)
    query, key, value = (rng.standard_normal((2, TOKENS, HEADS, DEPTH)).astype(np.float32) for _ in range(3))
    mask = (np.arange(TOKENS) < LENGTHS[:, None]).astype(np.int32)
    given = causal(jnp.asarray(mask), TOKENS) if ordered else padded(jnp.asarray(mask))
    allowed = np.broadcast_to(np.asarray(given.allowed), (2, HEADS, TOKENS, TOKENS))
    scores = np.einsum("bthd,bshd->bhts", query, key) / np.sqrt(DEPTH)
    scope = Scope(from_tree({}))
    result = attend(scope, *map(jnp.asarray, (query, key, value)), given, Form(attention=name))  # type: ignore[arg-type]
    expected = np.einsum("bhts,bshd->bthd", textbook(name, scores, allowed, np.float64(5)), value)
    np.testing.assert_allclose(result, expected.reshape(2, TOKENS, -1), atol=2e-6)


def test_each_head_may_have_its_own() -> None:
    rng = np.random.default_rng(1)
    query, key, value = (jnp.asarray(rng.standard_normal((1, 5, 4, 4)), jnp.float32) for _ in range(3))
    scope, names = Scope(from_tree({})), ("raw", "2relu", "raw", "scale")
    mixed = np.asarray(attend(scope, query, key, value, Mask(), Form(attention=names))).reshape(1, 5, 4, 4)
    for head, name in enumerate(names):
        alone = np.asarray(attend(scope, query, key, value, Mask(), Form(attention=name))).reshape(1, 5, 4, 4)
        np.testing.assert_allclose(mixed[:, :, head], alone[:, :, head], atol=1e-6)
    with pytest.raises(UnsupportedError, match="attention is given for 3 heads, and there are 4"):
        attend(scope, query, key, value, Mask(), Form(attention=("raw", "raw", "scale")))


def test_scores_of_a_head_have_its_shift() -> None:
    rng = np.random.default_rng(2)
    query, key, value = (rng.standard_normal((1, TOKENS, HEADS, DEPTH)).astype(np.float32) for _ in range(3))
    shifts = np.array([0.5, 2, 3], np.float32)
    scope = Scope(from_tree({"shift": shifts}))
    scores = np.einsum("bthd,bshd->bhts", query, key) / np.sqrt(DEPTH)
    arrays = map(jnp.asarray, (query, key, value))
    result = attend(scope, *arrays, Mask(), Form(attention="2quad", shift="head"))
    weights = textbook("2quad", scores, np.ones(scores.shape, bool), shifts[:, None, None])
    expected = np.einsum("bhts,bshd->bthd", weights, value)
    np.testing.assert_allclose(result, expected.reshape(1, TOKENS, -1), atol=2e-6)


def test_all_forms_are_named() -> None:
    assert tuple(FORMS) == ATTENTIONS


# ---------------------------------------------------------------------------------------------------- models


def test_layers_and_heads_of_a_model(tmp_path: Path) -> None:
    directory = Directory("bert-sequence")
    model = models.load(directory.path).converted(attention=["2quad", ["raw", "scale"]], activation=["quad", "raw"])
    assert [form.attention for form in model.forms] == ["2quad", ("raw", "scale")]
    model.save(tmp_path / "converted")
    again = models.load(tmp_path / "converted")
    assert (again.forms, again.task, again.labels) == (model.forms, model.task, model.labels)
    np.testing.assert_array_equal(
        again.reference(again.params, directory.inputs), model.reference(model.params, directory.inputs)
    )
    with pytest.raises(UnsupportedError, match="attention is given for 1 layers, and there are 2"):
        model.converted(attention=["raw"])
    with pytest.raises(UnsupportedError, match="quadratics of each neuron are fitted to it"):
        model.converted(activation="quadratic")


@pytest.mark.parametrize("name", ["bert-sequence", "gpt2-causal", "vit-image", "opt-causal", "distilbert-qa"])
def test_what_fits_is_closer(name: str) -> None:
    directory = Directory(name)
    model = models.load(directory.path)
    inputs = model.make_inputs(batch=64, seq_len=8)
    told: list[Fitted] = []
    activation = "raw" if name == "opt-causal" else "quadratic"  # OPT's is no GELU
    fitted = fit(model, inputs, attention="2quad", activation=activation, told=told.append)  # type: ignore[arg-type]
    assert len(told) == 2 and all(0 < error < 1 for one in told for error in one.attention)
    plain = model.converted(attention="2quad", activation="raw" if name == "opt-causal" else "quad")
    exact = directory.seen(model.reference(model.params, directory.inputs), model.task)

    def error_of(other: models.Model) -> float:
        result = directory.seen(other.reference(other.params, directory.inputs), model.task)
        return float(np.sqrt(np.mean((result - exact) ** 2)))

    assert error_of(fitted) < error_of(plain)


def test_quadratics_are_the_best_there_are() -> None:
    directory = Directory("bert-sequence")
    model = models.load(directory.path)
    inputs = model.make_inputs(batch=64, seq_len=8)
    fitted = fit(model, inputs, activation="quadratic")
    name = "bert.encoder.layer.0.activation"
    x = taps(model, inputs, lambda tap: tap == name)[name][inputs["attention_mask"] > 0]
    y = np.asarray(jax.nn.gelu(x, approximate=False), np.float64)
    before, after = dict(flat(model.params)), dict(flat(fitted.params))
    behind = "bert.encoder.layer.0.output.dense"
    result = np.asarray(squared_and_plain(jnp.asarray(x))) @ after[f"{behind}.weight"].T + after[f"{behind}.bias"]
    exact = y @ before[f"{behind}.weight"].T + before[f"{behind}.bias"]
    by_numpy = np.stack([np.polyval(np.polyfit(x[:, n], y[:, n], 2), x[:, n]) for n in range(x.shape[1])], axis=1)
    expected = by_numpy @ before[f"{behind}.weight"].T + before[f"{behind}.bias"]
    np.testing.assert_allclose(result, expected, atol=1e-3)
    assert np.sqrt(np.mean((result - exact) ** 2)) < 0.3 * np.std(exact)


def test_a_division_that_is_gone_is_in_the_weights() -> None:
    model = models.load(Directory("bert-sequence").path)
    inputs = model.make_inputs(batch=64, seq_len=8)
    fitted = fit(model, inputs, attention="2quad-freediv")
    assert {form.shift for form in fitted.forms} == {"head"}
    exact = np.asarray(model.reference(model.params, inputs))
    errors = [
        float(np.sqrt(np.mean(np.square(np.asarray(other.reference(other.params, inputs)) - exact))))
        for other in (fitted, model.converted(attention="2quad-freediv"))
    ]
    assert errors[0] < 0.8 * errors[1]


def test_a_linear_norm_is_as_defined() -> None:
    rng = np.random.default_rng(3)
    x, weight, bias = (rng.standard_normal(shape).astype(np.float32) for shape in ((2, TOKENS, 5), (2, 5), (5,)))
    result = linear_norm(Scope(from_tree({"weight": weight, "bias": bias})), jnp.asarray(x))
    centred = x - x.mean(axis=-1, keepdims=True)
    expected = np.concatenate([centred[:, :1] * weight[0], centred[:, 1:] * weight[1]], axis=1) + bias
    np.testing.assert_allclose(result, expected, atol=1e-6)


@pytest.mark.parametrize("name", ["bert-sequence", "gpt2-causal", "vit-image", "opt-causal", "distilbert-qa"])
def test_linear_norms_divide_by_what_is_usual(name: str, tmp_path: Path) -> None:
    directory = Directory(name)
    model = models.load(directory.path)
    inputs = model.make_inputs(batch=64, seq_len=8)
    told: list[Fitted] = []
    fitted = fit(model, inputs, norm=("linear", "raw"), told=told.append)
    assert [len(one.norms) for one in told] == [1, 1] and all(0 < one.norms[0] < 0.5 for one in told)
    [tap] = [n for n in names_of_taps(model) if n.endswith(".attention.norm") and ".0." in n]
    x = taps(model, inputs, tap.__eq__)[tap]
    deviation = np.std(x, axis=-1)[inputs["attention_mask"] > 0] if "attention_mask" in inputs else np.std(x, axis=-1)
    path = f"{tap.removesuffix('.attention.norm')}.weight"
    before, after = dict(flat(model.params))[path], dict(flat(fitted.params))[path]
    assert after.shape == (2, *before.shape)
    # Of all tokens but the first, whose factor is between those of the largest and the smallest deviation.
    factor = np.median(after[1] / before)
    np.testing.assert_allclose(after[1], factor * before, rtol=1e-5)
    assert 1 / deviation.max() <= factor <= 1 / deviation.min()
    fitted.save(tmp_path)
    again = models.load(tmp_path)
    assert again.forms == fitted.forms and again.forms[0].norm == ("linear", "raw")
    given = [np.asarray(one.reference(one.params, directory.inputs)) for one in (fitted, again)]
    np.testing.assert_array_equal(*given)


@pytest.mark.parametrize("norm", ["raw", "linear"])
@pytest.mark.parametrize("attention", ["2quad", "2quad-freediv"])
def test_a_fitted_model_is_secure(attention: Any, norm: Any) -> None:
    directory = Directory("bert-sequence")
    model = models.load(directory.path)
    inputs = model.make_inputs(batch=64, seq_len=8)
    fitted = fit(model, inputs, attention=attention, activation="quadratic", norm=norm)
    expected = np.asarray(fitted.reference(fitted.params, directory.inputs))
    secure = spu_ditto.compile(fitted.apply, fraction_bits={"FM32": 14, "FM64": 18})
    result = np.asarray(secure(fitted.params, directory.inputs))
    assert np.max(np.abs(result - expected)) < 0.02 * np.max(np.abs(expected))


def test_what_cannot_be_fitted_is_refused() -> None:
    model = models.load(Directory("albert-sequence").path)
    with pytest.raises(UnsupportedError, match="layers of albert-sequence share their weights"):
        fit(model, model.make_inputs(batch=4, seq_len=8), activation="quadratic")
    bert = models.load(Directory("bert-sequence").path)
    other = dataclasses.replace(bert, forms=(Form(activation="quad"),) * 2)
    with pytest.raises(UnsupportedError, match="has stand-ins already"):
        fit(other, bert.make_inputs(batch=4, seq_len=8))
    llama = models.load(Directory("llama-causal").path)
    with pytest.raises(UnsupportedError, match="quadratics stand for GELU, and not for silu in model.layers.0"):
        fit(llama, llama.make_inputs(batch=4, seq_len=8), activation="quadratic")
    with pytest.raises(UnsupportedError, match="layers of llama-causal have no LayerNorm"):
        fit(llama, llama.make_inputs(batch=4, seq_len=8), norm="linear")
    with pytest.raises(UnsupportedError, match="norm='batch' is not one of raw, linear"):
        Form(norm="batch")  # type: ignore[arg-type]
    with pytest.raises(UnsupportedError, match="give one, or one at attention and one at the MLP"):
        Form(norm=("raw", "raw", "raw"))  # type: ignore[arg-type]


def test_stand_ins_are_in_the_configuration(tmp_path: Path) -> None:
    model = models.load(Directory("gpt2-causal").path).converted(attention="2relu")
    model.save(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["spu_ditto"][0]["attention"] == "2relu"
