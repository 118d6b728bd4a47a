"""DistilBERT: BERT without types and pooler, under names of its own."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from spu_ditto.nn import layers as nn
from spu_ditto.nn.attention import Mask, attend, padded, split_heads
from spu_ditto.nn.bert import HEADS, answering, embedding, labelled, word_table
from spu_ditto.nn.config import Config
from spu_ditto.nn.family import Family, Inputs, Text, Variant
from spu_ditto.nn.forms import Form, Forms
from spu_ditto.nn.scope import Scope

_EPSILON = 1e-12


def encoder(scope: Scope, config: Config, inputs: Inputs, forms: Forms) -> jax.Array:
    """Hidden states [b, t, width] of tokens."""
    ids, width = inputs["input_ids"], config["dim"]
    words = scope / "embeddings"
    x = nn.embed(nn.table(words / "word_embeddings", config["vocab_size"], width), ids)
    positions = nn.table(words / "position_embeddings", config["max_position_embeddings"], width)
    x = nn.layer_norm(words / "LayerNorm", x + nn.position_rows(positions, ids.shape[1]), _EPSILON)
    mask = padded(inputs.get("attention_mask"))
    for n in range(config["n_layers"]):
        x = _layer(scope / "transformer" / "layer" / n, config, x, mask, forms[n])
    (scope / "hidden").observe(x)
    return x


def _layer(scope: Scope, config: Config, x: jax.Array, mask: Mask, form: Form) -> jax.Array:
    (scope / "hidden").observe(x)
    width, attention = x.shape[-1], scope / "attention"
    x = x.astype(scope.dtype)
    query, key, value = (
        split_heads(nn.dense(attention / name, x, width), config["n_heads"]) for name in ("q_lin", "k_lin", "v_lin")
    )
    mixed = nn.dense(attention / "out_lin", attend(attention, query, key, value, mask, form), width)
    x = form.normalise("attention", scope / "sa_layer_norm", mixed + x, _EPSILON).astype(scope.dtype)
    inner = form.activate(scope, config["activation"], nn.dense(scope / "ffn" / "lin1", x, config["hidden_dim"]))
    y = nn.dense(scope / "ffn" / "lin2", inner, width) + x
    return form.normalise("mlp", scope / "output_layer_norm", y, _EPSILON).astype(scope.dtype)


def _classes(scope: Scope, config: Config, inputs: Inputs, forms: Forms) -> jax.Array:
    first = encoder(scope / "distilbert", config, inputs, forms)[:, 0].astype(jnp.float32)
    pooled = jax.nn.relu(nn.dense(scope / "pre_classifier", first, first.shape[-1]))
    return nn.dense(scope / "classifier", pooled, len(config.labels))


def _words(scope: Scope, config: Config, inputs: Inputs, forms: Forms) -> jax.Array:
    config.expect(tie_word_embeddings=True)
    x = encoder(scope / "distilbert", config, inputs, forms).astype(jnp.float32)
    x = nn.activation(config["activation"])(nn.dense(scope / "vocab_transform", x, x.shape[-1]))
    x = nn.layer_norm(scope / "vocab_layer_norm", x, _EPSILON)
    head = scope / "vocab_projector"
    table = word_table(scope / "distilbert", config.with_settings(hidden_size=config["dim"]))
    return nn.tied(head, x, table) + head.weight("bias", config["vocab_size"])


DISTILBERT = Family(
    variants={
        "feature-extraction": Variant(embedding("distilbert", encoder), Text()),
        "text-classification": Variant(_classes, Text()),
        "token-classification": Variant(labelled("distilbert", encoder), Text()),
        "question-answering": Variant(answering("distilbert", encoder), Text()),
        "fill-mask": Variant(_words, Text()),
    },
    architectures={f"DistilBert{head}": task for head, task in HEADS.items()},
    prefix="distilbert",
    layers=("distilbert.transformer",),
    depths=("n_layers",),
    width="dim",
    activation="activation",
    small_fraction=8,
    unused=(r".*position_ids", r"vocab_projector\.weight"),
)
