"""LLaMA, Mistral, Qwen2 and Gemma: decoders with root-mean-square norms, rotary positions, gated feed-forward parts,
and fewer heads of keys than of queries.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import jax
import jax.numpy as jnp

from spu_ditto.errors import UnsupportedError
from spu_ditto.nn import layers as nn
from spu_ditto.nn.attention import Mask, attend, causal, split_heads
from spu_ditto.nn.config import Config
from spu_ditto.nn.family import Family, Inputs, Text, Variant
from spu_ditto.nn.forms import Form, Forms
from spu_ditto.nn.gpt2 import TIED, classes, embedding, language
from spu_ditto.nn.scope import Scope

Angles = tuple[jax.Array, jax.Array]


def decoder(scope: Scope, config: Config, inputs: Inputs, forms: Forms) -> jax.Array:
    """Hidden states [b, t, width] of tokens."""
    config.expect(use_sliding_window=False)
    ids, width = inputs["input_ids"], config["hidden_size"]
    tokens, gemma = ids.shape[1], config["model_type"] == "gemma"
    x = nn.embed(nn.table(scope / "embed_tokens", config["vocab_size"], width), ids)
    if gemma:
        x = x * math.sqrt(width)
    window = config.get("sliding_window") if config["model_type"] == "mistral" else None
    mask = causal(inputs.get("attention_mask"), tokens, window)
    depth = config.get("head_dim") or width // config["num_attention_heads"]
    angles = _angles(config, depth, tokens)
    for n in range(config["num_hidden_layers"]):
        x = _layer(scope / "layers" / n, config, x, mask, angles, forms[n])
    return _norm(scope / "norm", config, x)


def _norm(scope: Scope, config: Config, x: jax.Array) -> jax.Array:
    return nn.rms_norm(scope, x, config["rms_norm_eps"], offset=1.0 if config["model_type"] == "gemma" else 0.0)


def _layer(scope: Scope, config: Config, x: jax.Array, mask: Mask, angles: Angles, form: Form) -> jax.Array:
    (scope / "hidden").observe(x)
    width, attention, depth = x.shape[-1], scope / "self_attn", 2 * angles[0].shape[-1]
    heads, groups = config["num_attention_heads"], config.get("num_key_value_heads") or config["num_attention_heads"]
    own_bias = config.get("attention_bias", False)
    biased = own_bias or config["model_type"] == "qwen2"
    y = _norm(scope / "input_layernorm", config, x)
    query, key, value = (
        split_heads(nn.dense(attention / name, y, count * depth, bias=biased), count)
        for name, count in (("q_proj", heads), ("k_proj", groups), ("v_proj", groups))
    )
    mixed = attend(attention, _turned(query, angles), _turned(key, angles), value, mask, form)
    x = x + nn.dense(attention / "o_proj", mixed, width, bias=own_bias).astype(jnp.float32)
    y = _norm(scope / "post_attention_layernorm", config, x)
    inner, mlp, mlp_bias = config["intermediate_size"], scope / "mlp", config.get("mlp_bias", False)
    gate, up = (nn.dense(mlp / name, y, inner, bias=mlp_bias) for name in ("gate_proj", "up_proj"))
    gated = form.gated(scope, config.get("hidden_activation") or config["hidden_act"], gate, up)
    return x + nn.dense(mlp / "down_proj", gated, width, bias=mlp_bias).astype(jnp.float32)


def _turned(x: jax.Array, angles: Angles) -> jax.Array:
    """Rotary positions: halves of each head [b, t, h, d] as coordinates, turned by angles that are public."""
    cos, sin = (jnp.asarray(part, x.dtype)[None, :, None, :] for part in angles)
    left, right = jnp.split(x, 2, axis=-1)
    return jnp.concatenate([left * cos - right * sin, right * cos + left * sin], axis=-1)


def _angles(config: Config, depth: int, tokens: int) -> Angles:
    """Cosines and sines [t, d/2] of the angles of each position."""
    frequencies = config.get("rope_theta", 10000.0) ** (-2 * jnp.arange(depth // 2) / depth)
    scaling = config.get("rope_scaling")
    if scaling:
        kind = scaling.get("rope_type", scaling.get("type"))
        if kind == "linear":
            frequencies = frequencies / scaling["factor"]
        elif kind == "llama3":
            frequencies = _llama3(frequencies, scaling)
        elif kind != "default":
            raise UnsupportedError(f"rope_scaling {kind} is not one of default, linear, llama3")
    angles = jnp.arange(tokens)[:, None] * frequencies
    return jnp.cos(angles), jnp.sin(angles)


def _llama3(frequencies: jax.Array, scaling: Mapping[str, float]) -> jax.Array:
    """LLaMA 3.1's: slow angles by `factor` slower, quick ones as they are, and between the two a mixture."""
    turns = scaling["original_max_position_embeddings"] * frequencies / (2 * math.pi)
    low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
    part = jnp.clip((turns - low) / (high - low), 0, 1)
    return (1 - part) * frequencies / scaling["factor"] + part * frequencies


def _family(name: str) -> Family:
    return Family(
        variants={
            "text-generation": Variant(language("model", decoder, "embed_tokens"), Text()),
            "feature-extraction": Variant(embedding("model", decoder), Text()),
            "text-classification": Variant(classes("model", decoder), Text()),
        },
        architectures={
            f"{name}ForCausalLM": "text-generation",
            f"{name}Model": "feature-extraction",
            f"{name}ForSequenceClassification": "text-classification",
        },
        prefix="model",
        layers=("model.layers",),
        causal=True,
        unused=(*TIED, r".*\.rotary_emb\.inv_freq"),
    )


LLAMA, MISTRAL, QWEN2, GEMMA = (_family(name) for name in ("Llama", "Mistral", "Qwen2", "Gemma"))
