"""T5: an encoder and a decoder with root-mean-square norms, unscaled attention, and biases for distances."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from spu_ditto.nn import layers as nn
from spu_ditto.nn.attention import Mask, attend, causal, padded, split_heads
from spu_ditto.nn.config import Config
from spu_ditto.nn.family import Family, Inputs, Text, Variant
from spu_ditto.nn.forms import Form, Forms
from spu_ditto.nn.scope import Scope


def _stack(
    scope: Scope,
    config: Config,
    x: jax.Array,
    mask: Mask,
    forms: Forms,
    encoded: jax.Array | None = None,
    encoded_mask: Mask = Mask(),  # noqa: B008
) -> jax.Array:
    """The encoder, or the decoder of what has been encoded: [b, t, width] to [b, t, width]."""
    decodes = encoded is not None
    bias = _distances(scope / "block" / 0 / "layer" / 0 / "SelfAttention", config, x.shape[1], both_ways=not decodes)
    for n, form in enumerate(forms):
        block = scope / "block" / n / "layer"
        y = _norm(block / 0, config, x)
        x = x + _attention(block / 0 / "SelfAttention", config, y, y, mask, bias, form)
        if encoded is not None:
            y = _norm(block / 1, config, x)
            x = x + _attention(block / 1 / "EncDecAttention", config, y, encoded, encoded_mask, None, form)
        last = block / (2 if decodes else 1)
        x = x + _feed_forward(last / "DenseReluDense", config, _norm(last, config, x), form)
    return nn.rms_norm(scope / "final_layer_norm", x, config["layer_norm_epsilon"])


def _norm(scope: Scope, config: Config, x: jax.Array) -> jax.Array:
    return nn.rms_norm(scope / "layer_norm", x, config["layer_norm_epsilon"])


def _attention(
    scope: Scope,
    config: Config,
    x: jax.Array,
    looked_at: jax.Array,
    mask: Mask,
    bias: jax.Array | None,
    form: Form,
) -> jax.Array:
    heads, inner = config["num_heads"], config["num_heads"] * config["d_kv"]
    query, key, value = (
        split_heads(nn.dense(scope / name, of, inner, bias=False), heads)
        for name, of in (("q", x), ("k", looked_at), ("v", looked_at))
    )
    mixed = attend(scope, query, key, value, mask, form, scale=1.0, bias=bias)
    return nn.dense(scope / "o", mixed, x.shape[-1], bias=False).astype(jnp.float32)


def _feed_forward(scope: Scope, config: Config, x: jax.Array, form: Form) -> jax.Array:
    _, gated, named = config.get("feed_forward_proj", "relu").rpartition("gated-")
    # T5 says gelu where it means its approximation.
    if gated:
        gate, up = (nn.dense(scope / name, x, config["d_ff"], bias=False) for name in ("wi_0", "wi_1"))
        inner = form.gated(scope, "gelu_new" if named == "gelu" else named, gate, up)
    else:
        inner = form.activate(scope, named, nn.dense(scope / "wi", x, config["d_ff"], bias=False))
    return nn.dense(scope / "wo", inner, x.shape[-1], bias=False).astype(jnp.float32)


def _distances(scope: Scope, config: Config, tokens: int, *, both_ways: bool) -> jax.Array:
    """What is added to scores, [1, h, t, t]: a row of a table for each distance, further ones sharing rows."""
    buckets, far = config["relative_attention_num_buckets"], config.get("relative_attention_max_distance", 128)
    rows = nn.table(scope / "relative_attention_bias", buckets, config["num_heads"])
    forward = jnp.arange(tokens)[None, :] - jnp.arange(tokens)[:, None]
    if both_ways:
        buckets //= 2
        first, distance = jnp.where(forward > 0, buckets, 0), jnp.abs(forward)
    else:
        first, distance = jnp.zeros_like(forward), jnp.maximum(-forward, 0)
    exact = buckets // 2
    rest = jnp.log(jnp.maximum(distance, 1) / exact) / math.log(far / exact) * (buckets - exact)
    shared = jnp.minimum(exact + rest.astype(jnp.int32), buckets - 1)
    index = first + jnp.where(distance < exact, distance, shared)
    return rows[index].transpose(2, 0, 1)[None]


def _depths(config: Config) -> tuple[int, int]:
    return config["num_layers"], config.get("num_decoder_layers") or config["num_layers"]


def _words(scope: Scope, config: Config) -> jax.Array:
    return nn.table(scope / "shared", config["vocab_size"], config["d_model"])


def _encoded(scope: Scope, config: Config, inputs: Inputs, forms: Forms) -> jax.Array:
    x = nn.embed(_words(scope, config), inputs["input_ids"])
    return _stack(scope / "encoder", config, x, padded(inputs["attention_mask"]), forms[: _depths(config)[0]])


def _spoken(scope: Scope, config: Config, inputs: Inputs, forms: Forms) -> jax.Array:
    """Logits of the word behind each of `decoder_input_ids`, [b, t, vocabulary]."""
    encoded, table, said = _encoded(scope, config, inputs, forms), _words(scope, config), inputs["decoder_input_ids"]
    x = _stack(
        scope / "decoder",
        config,
        nn.embed(table, said),
        causal(None, said.shape[1]),
        forms[_depths(config)[0] :],
        encoded,
        padded(inputs["attention_mask"]),
    )
    if not config.get("tie_word_embeddings", True):
        return nn.dense(scope / "lm_head", x, config["vocab_size"], bias=False)
    return nn.tied(scope / "lm_head", x * config["d_model"] ** -0.5, table)


def _pooled(scope: Scope, config: Config, inputs: Inputs, forms: Forms) -> jax.Array:
    return nn.mean_pool(_encoded(scope, config, inputs, forms), inputs["attention_mask"])


T5 = Family(
    variants={
        "text2text-generation": Variant(_spoken, Text(decoder=True)),
        "feature-extraction": Variant(_pooled, Text(), (r"decoder\..*",)),
    },
    architectures={
        "T5ForConditionalGeneration": "text2text-generation",
        "T5EncoderModel": "feature-extraction",
        "T5Model": "feature-extraction",
    },
    layers=("encoder.block", "decoder.block"),
    depths=("num_layers", "num_decoder_layers"),
    width="d_model",
    positions=lambda config: None,
    unused=(
        r"(encoder|decoder)\.embed_tokens\.weight",
        r"lm_head\.weight",
        r"decoder\.block\.0\.layer\.1\.EncDecAttention\.relative_attention_bias\.weight",
    ),
)
