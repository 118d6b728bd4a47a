"""ALBERT: BERT whose layers share their weights, by groups."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from spu_ditto.nn import layers as nn
from spu_ditto.nn.attention import Mask, attend, padded, split_heads
from spu_ditto.nn.bert import HEADS, answering, embedding, labelled, word_embeddings, word_table
from spu_ditto.nn.config import Config
from spu_ditto.nn.family import Family, Inputs, Text, Variant
from spu_ditto.nn.forms import Form, Forms
from spu_ditto.nn.scope import Scope


def encoder(scope: Scope, config: Config, inputs: Inputs, forms: Forms) -> jax.Array:
    """Hidden states [b, t, width] of tokens."""
    config.expect(position_embedding_type="absolute")
    x = word_embeddings(scope / "embeddings", config, inputs)
    x = nn.dense(scope / "encoder" / "embedding_hidden_mapping_in", x, config["hidden_size"])
    mask = padded(inputs.get("attention_mask"))
    layers, groups = config["num_hidden_layers"], config["num_hidden_groups"]
    for n in range(layers):
        group = scope / "encoder" / "albert_layer_groups" / (n * groups // layers) / "albert_layers"
        for inner in range(config["inner_group_num"]):
            x = _layer(group / inner, config, x, mask, forms[n])
    return x


def _layer(scope: Scope, config: Config, x: jax.Array, mask: Mask, form: Form) -> jax.Array:
    width, heads, epsilon = x.shape[-1], config["num_attention_heads"], config["layer_norm_eps"]
    x, attention = x.astype(scope.dtype), scope / "attention"
    query, key, value = (split_heads(nn.dense(attention / name, x, width), heads) for name in ("query", "key", "value"))
    mixed = nn.dense(attention / "dense", attend(attention, query, key, value, mask, form), width)
    x = form.normalise("attention", attention / "LayerNorm", mixed + x, epsilon).astype(scope.dtype)
    inner = form.activate(scope, config["hidden_act"], nn.dense(scope / "ffn", x, config["intermediate_size"]))
    y = nn.dense(scope / "ffn_output", inner, width) + x
    return form.normalise("mlp", scope / "full_layer_layer_norm", y, epsilon).astype(scope.dtype)


def _classes(scope: Scope, config: Config, inputs: Inputs, forms: Forms) -> jax.Array:
    first = encoder(scope / "albert", config, inputs, forms)[:, 0].astype(jnp.float32)
    pooled = jnp.tanh(nn.dense(scope / "albert" / "pooler", first, first.shape[-1]))
    return nn.dense(scope / "classifier", pooled, len(config.labels))


def _words(scope: Scope, config: Config, inputs: Inputs, forms: Forms) -> jax.Array:
    config.expect(tie_word_embeddings=True)
    x = encoder(scope / "albert", config, inputs, forms).astype(jnp.float32)
    head = scope / "predictions"
    x = nn.activation(config["hidden_act"])(nn.dense(head / "dense", x, config["embedding_size"]))
    x = nn.layer_norm(head / "LayerNorm", x, config["layer_norm_eps"])
    return nn.tied(head, x, word_table(scope / "albert", config)) + head.weight("bias", config["vocab_size"])


_POOLER = (r"albert\.pooler\..*",)

ALBERT = Family(
    variants={
        "feature-extraction": Variant(embedding("albert", encoder), Text(types=True), _POOLER),
        "text-classification": Variant(_classes, Text(types=True)),
        "token-classification": Variant(labelled("albert", encoder), Text(types=True), _POOLER),
        "question-answering": Variant(answering("albert", encoder), Text(types=True), _POOLER),
        "fill-mask": Variant(_words, Text(types=True), _POOLER),
    },
    architectures={f"Albert{head}": task for head, task in HEADS.items()} | {"AlbertForPreTraining": "fill-mask"},
    prefix="albert",
    layers=("albert.encoder.albert_layer_groups",),
    small_fraction=8,
    unused=(r".*position_ids", r"predictions\.decoder\..*", r"sop_classifier\..*"),
)
