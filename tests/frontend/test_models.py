"""Models: the same network as Hugging Face's, with Ditto's dtypes, and everything restored afterwards."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import flax.linen.attention
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import transformers
from transformers.models.bert import modeling_flax_bert

from spu_ditto import models
from spu_ditto.errors import UnsupportedError
from spu_ditto.replacements import poly_gelu, replaced, softmax_2quad, softmax_2relu
from tests.frontend.tiny_models import write_tiny_model

SENTENCES = ["A cat sleeps on the sofa.", "The market fell sharply today."]


@pytest.fixture(scope="module")
def minilm() -> models.Model:
    return models.load("minilm", layers=2)


def _dots(model: models.Model, inputs: Any) -> tuple[Counter[str], Counter[str]]:
    """Dtypes of the dots and of the exponentials and inverse roots in a model's trace."""
    dots: Counter[str] = Counter()
    others: Counter[str] = Counter()

    def visit(jaxpr: Any) -> None:
        for eqn in jaxpr.eqns:
            name = eqn.primitive.name
            if name in ("dot_general", "conv_general_dilated"):
                dots[str(eqn.outvars[0].aval.dtype)] += 1
            if name in ("exp", "rsqrt", "tanh", "erfc"):
                others[f"{name}:{eqn.outvars[0].aval.dtype}"] += 1
            for inner in jax.core.jaxprs_in_params(eqn.params):
                visit(inner)

    visit(jax.make_jaxpr(model.apply)(model.params, inputs).jaxpr)
    return dots, others


def test_minilm_is_hugging_faces_model(minilm: models.Model) -> None:
    inputs = minilm.encode(SENTENCES, seq_len=16)
    stock = transformers.FlaxBertModel.from_pretrained(
        models._minilm_directory(), config=minilm.config, add_pooling_layer=False
    )
    hidden = stock(**inputs).last_hidden_state
    expected = models.mean_pool(hidden, jnp.asarray(inputs["attention_mask"]))
    np.testing.assert_allclose(minilm.reference(minilm.params, inputs), expected, atol=1e-6)


def test_float16_layers_change_little(minilm: models.Model) -> None:
    inputs = minilm.encode(SENTENCES, seq_len=16)
    mixed, exact = minilm.apply(minilm.params, inputs), minilm.reference(minilm.params, inputs)
    assert mixed.dtype == jnp.float32
    np.testing.assert_allclose(mixed, exact, atol=0.01)


def test_bert_has_dittos_dtypes(minilm: models.Model) -> None:
    dots, others = _dots(minilm, minilm.encode(SENTENCES, seq_len=16))
    # Per layer: query, key, value, output, two of attention, two of the feed-forward part. The pooling is float32.
    assert dots == {"float16": 2 * 8, "float32": 1}
    assert others == {"erfc:float16": 2, "exp:float32": 2, "rsqrt:float32": 1 + 2 * 2}


@pytest.mark.parametrize(
    ("model_type", "dots", "functions"),
    [
        # The head is float32, and so are the pooler of BERT and the patch convolution of ViT.
        ("bert", {"float16": 8, "float32": 2}, {"erfc:float16": 1, "tanh:float32": 1}),
        ("gpt2", {"float16": 6, "float32": 1}, {"tanh:float16": 1}),
        ("vit", {"float16": 8, "float32": 2}, {"erfc:float16": 1}),
    ],
)
def test_every_model_has_dittos_dtypes(
    tmp_path: Path, model_type: str, dots: dict[str, int], functions: dict[str, int]
) -> None:
    model = models.load(write_tiny_model(tmp_path, model_type), random_weights=True, layers=1)
    inputs = model.make_inputs(batch=1, seq_len=8)
    counted, others = _dots(model, inputs)
    assert counted == dots
    assert others == {**functions, "exp:float32": 1, "rsqrt:float32": 3}
    mixed, exact = model.apply(model.params, inputs), model.reference(model.params, inputs)
    assert np.max(np.abs(mixed - exact)) < 0.01 * np.max(np.abs(exact))


def test_everything_replaced_is_restored() -> None:
    before = (modeling_flax_bert.ACT2FN, modeling_flax_bert.dot_product_attention_weights)
    with pytest.raises(RuntimeError), replaced(modeling_flax_bert, "quad", "2quad"):
        assert modeling_flax_bert.ACT2FN is not before[0]
        raise RuntimeError
    assert (modeling_flax_bert.ACT2FN, modeling_flax_bert.dot_product_attention_weights) == before
    assert before[1] is flax.linen.attention.dot_product_attention_weights


@pytest.mark.parametrize("softmax", [softmax_2quad, softmax_2relu])
def test_stand_ins_for_softmax_respect_the_mask(softmax: Any) -> None:
    scores = jnp.array([[1.0, 2.0, 500.0]])
    weights = softmax(scores, jnp.array([[True, True, False]]))
    assert weights[0, 2] == 0
    np.testing.assert_allclose(weights.sum(), 1, atol=2e-3)


def test_polynomial_gelu_is_close() -> None:
    x = jnp.linspace(-10, 10, 2001)
    np.testing.assert_allclose(poly_gelu(x), jax.nn.gelu(x, approximate=False), atol=0.02)


def test_stand_ins_reach_the_model(tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path, "bert")
    raw = models.load(folder, random_weights=True, layers=1)
    quad = models.load(folder, random_weights=True, layers=1, gelu="quad", softmax="2relu")
    inputs = raw.make_inputs(seq_len=8)
    _, others = _dots(quad, inputs)
    assert set(others) == {"rsqrt:float32", "tanh:float32"}
    assert not np.allclose(raw.reference(raw.params, inputs), quad.reference(quad.params, inputs), atol=1e-3)


def test_known_names_have_their_size() -> None:
    config = models.load("bert-base", random_weights=True, layers=1, num_labels=3).config
    assert (config.hidden_size, config.num_hidden_layers, config.num_labels) == (768, 1, 3)


def test_bad_requests_are_named() -> None:
    with pytest.raises(UnsupportedError, match="random_weights=True"):
        models.load("bert-base")
    with pytest.raises(UnsupportedError, match="no config.json"):
        models.load("/nowhere")
    with pytest.raises(UnsupportedError, match=r"layers=7 is not in 1\.\.6"):
        models.load("minilm", layers=7)


def test_what_is_for_another_task_is_refused(tmp_path: Path) -> None:
    transformers.BertConfig(architectures=["BertForQuestionAnswering"]).save_pretrained(tmp_path)
    with pytest.raises(UnsupportedError, match="BertForQuestionAnswering is not supported; .* BertForSequence"):
        models.load(tmp_path, random_weights=True)


def test_a_model_is_printed_in_a_line(minilm: models.Model) -> None:
    assert repr(minilm) == "<Model minilm: embedding, 2 layers of 384, 15.5 million weights>"


def test_sequences_longer_than_the_model_are_refused(minilm: models.Model) -> None:
    with pytest.raises(UnsupportedError, match="513"):
        minilm.make_inputs(seq_len=513)
