"""What people write on their first day, at default settings among three simulated parties."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import spu

from spu_ditto import models
from tests.frontend.tiny_models import write_tiny_model

RNG = np.random.default_rng(0)
ROW = RNG.normal(0, 2, 768).astype(np.float32)
SCORES = RNG.normal(0, 3, (4, 48)).astype(np.float32)
MASK = np.triu(np.ones((4, 48), np.float32))
NORM = {"params": {"scale": np.linspace(0.5, 2, 768, dtype=np.float32), "bias": np.zeros(768, np.float32)}}


def layer_norm(x: Any) -> Any:
    centred = x - x.mean(-1, keepdims=True)
    return centred / jnp.sqrt((centred * centred).mean(-1, keepdims=True) + 1e-5)


def standardised(x: Any) -> Any:
    return (x - x.mean(-1, keepdims=True)) / (x.std(-1, keepdims=True) + 1e-3)


PROGRAMS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "LayerNorm of one row of 48": (layer_norm, (ROW[:48],)),
    "LayerNorm of one row of 768": (layer_norm, (ROW[None],)),
    "Flax's LayerNorm of one row": (lambda params, x: nn.LayerNorm().apply(params, x), (NORM, ROW)),
    "an additive mask": (lambda x, mask: jax.nn.softmax(x + (1 - mask) * -1e4, axis=-1), (SCORES, MASK)),
    "an additive mask of integers": (
        lambda x, mask: jax.nn.softmax(x + (1.0 - mask.astype(jnp.float32)) * -10000.0),
        (SCORES, MASK.astype(np.int32)),
    ),
    "an additive mask alone": (lambda x, mask: x + (1 - mask) * -1e4, (SCORES, MASK)),
    "scores in standard deviations": (standardised, (SCORES,)),
    "scores in standard deviations, in float16": (standardised, (SCORES.astype(np.float16),)),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_an_everyday_program(name: str) -> None:
    fn, arguments = PROGRAMS[name]
    secure = spu.compile(fn, ring_policy="ditto")(*arguments)
    plain = np.asarray(fn(*arguments))
    assert (secure.shape, secure.dtype) == (plain.shape, plain.dtype)
    np.testing.assert_allclose(secure, plain, atol=0.02 if plain.dtype == np.float16 else 1e-3)


@pytest.mark.parametrize("name", ["bert", "gpt2", "vit"])
def test_a_model_that_is_captured_whole(tmp_path: Path, name: str) -> None:
    model = models.load(write_tiny_model(tmp_path, name), random_weights=True)
    inputs = model.make_inputs(seq_len=8)
    secure = spu.compile(
        lambda inputs: model.apply(model.params, inputs), ring_policy="ditto", fraction_bits=model.fraction_bits
    )
    with pytest.warns(UserWarning, match="pass it as an argument to keep it secret"):
        result = secure(inputs)
    plain = model.reference(model.params, inputs)
    assert np.max(np.abs(result - plain)) < 0.02 * np.max(np.abs(plain))
