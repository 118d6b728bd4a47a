"""OPT: a decoder like GPT2's, with norms before or, in its smallest, behind each part."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from spu_ditto.nn import layers as nn
from spu_ditto.nn.attention import Mask, attend, causal, split_heads
from spu_ditto.nn.config import Config
from spu_ditto.nn.family import Family, Inputs, Text, Variant
from spu_ditto.nn.forms import Form, Forms
from spu_ditto.nn.gpt2 import TIED, embedding, language
from spu_ditto.nn.scope import Scope

_EPSILON = 1e-5
# Positions 0 and 1 are not used.
_FIRST_POSITION = 2


def decoder(scope: Scope, config: Config, inputs: Inputs, forms: Forms) -> jax.Array:
    """What goes into the head, [b, t, width of words]."""
    config.expect(enable_bias=True, layer_norm_elementwise_affine=True, _remove_final_layer_norm=False)
    scope = scope / "decoder"
    ids, width, words = inputs["input_ids"], config["hidden_size"], config["word_embed_proj_dim"]
    tokens = ids.shape[1]
    x = nn.embed(nn.table(scope / "embed_tokens", config["vocab_size"], words), ids)
    if words != width:
        x = nn.dense(scope / "project_in", x, width, bias=False)
    positions = nn.table(scope / "embed_positions", config["max_position_embeddings"] + _FIRST_POSITION, width)
    x = x + nn.position_rows(positions, tokens, _FIRST_POSITION)
    mask = causal(inputs.get("attention_mask"), tokens)
    for n in range(config["num_hidden_layers"]):
        x = _layer(scope / "layers" / n, config, x, mask, forms[n])
    if config["do_layer_norm_before"]:
        x = nn.layer_norm(scope / "final_layer_norm", x, _EPSILON)
    return nn.dense(scope / "project_out", x, words, bias=False) if words != width else x


def _layer(scope: Scope, config: Config, x: jax.Array, mask: Mask, form: Form) -> jax.Array:
    (scope / "hidden").observe(x)
    width, before, attention = x.shape[-1], config["do_layer_norm_before"], scope / "self_attn"
    y = form.normalise("attention", scope / "self_attn_layer_norm", x, _EPSILON) if before else x
    query, key, value = (
        split_heads(nn.dense(attention / name, y, width), config["num_attention_heads"])
        for name in ("q_proj", "k_proj", "v_proj")
    )
    mixed = attend(attention, query, key, value, mask, form)
    x = x + nn.dense(attention / "out_proj", mixed, width).astype(jnp.float32)
    if not before:
        x = form.normalise("attention", scope / "self_attn_layer_norm", x, _EPSILON)
    y = form.normalise("mlp", scope / "final_layer_norm", x, _EPSILON) if before else x
    inner = form.activate(scope, config["activation_function"], nn.dense(scope / "fc1", y, config["ffn_dim"]))
    x = x + nn.dense(scope / "fc2", inner, width).astype(jnp.float32)
    return x if before else form.normalise("mlp", scope / "final_layer_norm", x, _EPSILON)


OPT = Family(
    variants={
        "text-generation": Variant(
            language("model", decoder, "decoder", "embed_tokens", width="word_embed_proj_dim"), Text()
        ),
        "feature-extraction": Variant(embedding("model", decoder), Text()),
    },
    architectures={"OPTForCausalLM": "text-generation", "OPTModel": "feature-extraction"},
    prefix="model",
    layers=("model.decoder.layers",),
    activation="activation_function",
    causal=True,
    unused=TIED,
)
