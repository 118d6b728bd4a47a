"""Functions and models among three simulated parties, through everything a user touches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import spu
import transformers

from spu_ditto import models
from tests.frontend.tiny_models import write_tiny_model


def _relative_error(secure: Any, plain: Any) -> float:
    return float(np.max(np.abs(secure - plain)) / np.max(np.abs(plain)))


def test_minilm_embeds_sentences() -> None:
    model = models.load("minilm", layers=2)
    inputs = model.encode(["A cat sleeps.", "A kitten takes a nap on the sofa."], seq_len=16)
    secure = spu.compile(model.apply, ring_policy="ditto")
    weights = secure.share(model.params)
    embedding, report = secure.run(weights, inputs)
    plain = model.reference(model.params, inputs)
    assert _relative_error(embedding, plain) < 0.03
    similarity, expected = (models.cosine(e[0], e[1]) for e in (np.asarray(embedding), np.asarray(plain)))
    assert abs(similarity - expected) < 0.01
    assert "bert/encoder/layer/1" in [layer.name for layer in report.layers]


# The product, and coarse ones beside it that guard its range: 64 bits take two.
@pytest.mark.parametrize(("policy", "products"), [("ditto", 2), ("fm64", 3)])
def test_what_is_declared_is_what_is_sent(policy: str, products: int) -> None:
    def fn(x: Any, w: Any) -> Any:
        return jax.nn.softmax((jax.nn.gelu(x, approximate=False) @ w).astype(jnp.float32))

    x = np.linspace(-3, 3, 32, dtype=np.float16).reshape(4, 8)
    w = np.linspace(-1, 1, 48, dtype=np.float16).reshape(8, 6)
    secure = spu.compile(fn, ring_policy=policy)
    cost = secure.lower(x, w).cost_analysis()
    result, report = secure.run(x, w, offline_first=True)
    np.testing.assert_allclose(result, fn(x, w), atol=0.01)
    assert (report.offline_bytes, report.online_bytes) == (cost.offline_bytes, cost.online_bytes)
    assert report.rounds == cost.rounds
    assert {p.name: p.count for p in report.operations} == {c.name: c.count for c in cost.operations}
    assert report.online_seconds is not None and report.online_seconds <= report.seconds
    line = f"- f_matmul, executed {products} times, duration "
    assert any(text.startswith(line) for text in report.profile_lines())


@pytest.mark.parametrize("name", ["gpt2", "vit"])
def test_models_without_a_closing_layer_norm_stay_accurate(tmp_path: Path, name: str) -> None:
    model = models.load(write_tiny_model(tmp_path, name), random_weights=True)
    inputs = model.make_inputs(seq_len=8)
    secure = spu.compile(model.apply, ring_policy="ditto", fraction_bits=model.fraction_bits)
    assert _relative_error(secure(model.params, inputs), model.reference(model.params, inputs)) < 0.02


def test_stock_gpt2_with_its_causal_mask() -> None:
    config = transformers.GPT2Config(n_embd=32, n_layer=2, n_head=2, n_positions=16, vocab_size=50)
    stock = transformers.FlaxGPT2LMHeadModel(config, seed=0, input_shape=(1, 8))
    ids = np.arange(8, dtype=np.int32)[None] * 5

    def logits(params: Any, ids: Any) -> Any:
        return stock(input_ids=ids, params=params).logits

    secure = spu.compile(logits, ring_policy="ditto")(stock.params, ids)
    assert _relative_error(secure, logits(stock.params, ids)) < 0.02
