"""BART's encoder and decoder, and the encoder of Whisper, whose layers are alike but for the place of their norms."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from spu_ditto.errors import UnsupportedError
from spu_ditto.nn import layers as nn
from spu_ditto.nn.attention import Mask, attend, causal, padded, split_heads
from spu_ditto.nn.config import Config
from spu_ditto.nn.family import Audio, Family, Inputs, Text, Variant
from spu_ditto.nn.forms import Form, Forms, Part
from spu_ditto.nn.scope import Scope

_EPSILON = 1e-5
# Positions 0 and 1 are not used.
_FIRST_POSITION = 2


def _attention(
    scope: Scope, x: jax.Array, looked_at: jax.Array, heads: int, mask: Mask, form: Form, key_bias: bool
) -> jax.Array:
    width = x.shape[-1]
    query = nn.dense(scope / "q_proj", x, width)
    key = nn.dense(scope / "k_proj", looked_at, width, bias=key_bias)
    value = nn.dense(scope / "v_proj", looked_at, width)
    query, key, value = (split_heads(part, heads) for part in (query, key, value))
    return nn.dense(scope / "out_proj", attend(scope, query, key, value, mask, form), width)


def _feed_forward(scope: Scope, config: Config, x: jax.Array, size: int, form: Form) -> jax.Array:
    inner = form.activate(scope, config["activation_function"], nn.dense(scope / "fc1", x, size))
    return nn.dense(scope / "fc2", inner, x.shape[-1])


def _embedded(scope: Scope, config: Config, table: jax.Array, ids: jax.Array) -> jax.Array:
    width = config["d_model"]
    x = nn.embed(table, ids) * (math.sqrt(width) if config.get("scale_embedding", False) else 1.0)
    positions = nn.table(scope / "embed_positions", config["max_position_embeddings"] + _FIRST_POSITION, width)
    x = x + nn.position_rows(positions, ids.shape[1], _FIRST_POSITION)
    return nn.layer_norm(scope / "layernorm_embedding", x, _EPSILON)


def _normed(scope: Scope, x: jax.Array, form: Form, part: Part) -> jax.Array:
    return form.normalise(part, scope, x, _EPSILON).astype(scope.dtype)


def _encoded(scope: Scope, config: Config, inputs: Inputs, forms: Forms) -> jax.Array:
    """Hidden states [b, t, width] of tokens; `scope` is that of the whole model."""
    x = _embedded(scope / "encoder", config, _words(scope, config), inputs["input_ids"])
    mask, heads = padded(inputs["attention_mask"]), config["encoder_attention_heads"]
    for n in range(config["encoder_layers"]):
        layer, form = scope / "encoder" / "layers" / n, forms[n]
        x = x.astype(layer.dtype)
        x = _normed(
            layer / "self_attn_layer_norm",
            x + _attention(layer / "self_attn", x, x, heads, mask, form, True),
            form,
            "attention",
        )
        x = _normed(
            layer / "final_layer_norm",
            x + _feed_forward(layer, config, x, config["encoder_ffn_dim"], form),
            form,
            "mlp",
        )
    return x


def _decoded(scope: Scope, config: Config, inputs: Inputs, said: jax.Array, forms: Forms) -> jax.Array:
    """Hidden states [b, t, width] behind what is said."""
    encoded = _encoded(scope, config, inputs, forms)
    x = _embedded(scope / "decoder", config, _words(scope, config), said)
    before, given = causal(None, said.shape[1]), padded(inputs["attention_mask"])
    heads = config["decoder_attention_heads"]
    for n in range(config["decoder_layers"]):
        layer, form = scope / "decoder" / "layers" / n, forms[config["encoder_layers"] + n]
        x = x.astype(layer.dtype)
        x = _normed(
            layer / "self_attn_layer_norm",
            x + _attention(layer / "self_attn", x, x, heads, before, form, True),
            form,
            "attention",
        )
        looked = _attention(layer / "encoder_attn", x, encoded, heads, given, form, True)
        x = _normed(layer / "encoder_attn_layer_norm", x + looked, form, "attention")
        x = _normed(
            layer / "final_layer_norm",
            x + _feed_forward(layer, config, x, config["decoder_ffn_dim"], form),
            form,
            "mlp",
        )
    return x.astype(jnp.float32)


def _words(scope: Scope, config: Config) -> jax.Array:
    return nn.table(scope / "shared", config["vocab_size"], config["d_model"])


def _spoken(scope: Scope, config: Config, inputs: Inputs, forms: Forms) -> jax.Array:
    """Logits of the word behind each of `decoder_input_ids`, [b, t, vocabulary]."""
    config.expect(tie_word_embeddings=True)
    x = _decoded(scope / "model", config, inputs, inputs["decoder_input_ids"], forms)
    logits = nn.tied(scope / "lm_head", x, _words(scope / "model", config))
    return logits + scope.weight("final_logits_bias", 1, config["vocab_size"])


def _classes(scope: Scope, config: Config, inputs: Inputs, forms: Forms) -> jax.Array:
    """Logits [b, labels] of what the decoder makes of the end of the text, which it is told once more."""
    said = nn.shift_right(inputs["input_ids"], config["decoder_start_token_id"])
    x = _decoded(scope / "model", config, inputs, said, forms)
    head = scope / "classification_head"
    last = nn.last_token(x, inputs["attention_mask"])
    return nn.dense(head / "out_proj", jnp.tanh(nn.dense(head / "dense", last, last.shape[-1])), len(config.labels))


def _pooled(scope: Scope, config: Config, inputs: Inputs, forms: Forms) -> jax.Array:
    return nn.mean_pool(_encoded(scope / "model", config, inputs, forms), inputs["attention_mask"])


BART = Family(
    variants={
        "text2text-generation": Variant(_spoken, Text(decoder=True)),
        "text-classification": Variant(_classes, Text(), ("final_logits_bias",)),
        "feature-extraction": Variant(_pooled, Text(), (r"model\.decoder\..*", "final_logits_bias")),
    },
    architectures={
        "BartForConditionalGeneration": "text2text-generation",
        "BartForSequenceClassification": "text-classification",
        "BartModel": "feature-extraction",
    },
    prefix="model",
    layers=("model.encoder.layers", "model.decoder.layers"),
    depths=("encoder_layers", "decoder_layers"),
    width="d_model",
    small_fraction=8,
    unused=(r"lm_head\.weight", r"model\.(encoder|decoder)\.embed_tokens\.weight"),
)


def whisper(scope: Scope, config: Config, inputs: Inputs, forms: Forms) -> jax.Array:
    """Hidden states [b, frames / 2, width] of sounds."""
    features, width = inputs["input_features"], config["d_model"]
    shape = (config["num_mel_bins"], 2 * config["max_source_positions"])
    if features.ndim != 3 or features.shape[1:] != shape:
        raise UnsupportedError(f"input_features are [batch, {shape[0]}, {shape[1]}], not {list(features.shape)}")
    scope, act = scope / "model" / "encoder", config["activation_function"]
    x = nn.activation(act)(nn.convolution(scope / "conv1", features, width, (3,), stride=1, padding=1))
    x = nn.activation(act)(nn.convolution(scope / "conv2", x, width, (3,), stride=2, padding=1)).transpose(0, 2, 1)
    x = x + nn.position_rows(nn.table(scope / "embed_positions", config["max_source_positions"], width), x.shape[1])
    for n in range(config["encoder_layers"]):
        layer, form = scope / "layers" / n, forms[n]
        y = form.normalise("attention", layer / "self_attn_layer_norm", x, _EPSILON)
        heads = config["encoder_attention_heads"]
        x = x + _attention(layer / "self_attn", y, y, heads, Mask(), form, False).astype(jnp.float32)
        y = form.normalise("mlp", layer / "final_layer_norm", x, _EPSILON)
        x = x + _feed_forward(layer, config, y, config["encoder_ffn_dim"], form).astype(jnp.float32)
    return nn.layer_norm(scope / "layer_norm", x, _EPSILON)


WHISPER = Family(
    variants={"audio-feature-extraction": Variant(whisper, Audio(), (r"model\.decoder\..*", r"proj_out\.weight"))},
    architectures={
        "WhisperForConditionalGeneration": "audio-feature-extraction",
        "WhisperModel": "audio-feature-extraction",
    },
    prefix="model",
    layers=("model.encoder.layers",),
    depths=("encoder_layers",),
    width="d_model",
)
