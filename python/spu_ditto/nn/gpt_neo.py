"""GPT-Neo: as GPT2, with unscaled attention that in some layers looks back a window only."""

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


def decoder(scope: Scope, config: Config, inputs: Inputs, forms: Forms) -> jax.Array:
    """Hidden states [b, t, width] of tokens."""
    ids, width = inputs["input_ids"], config["hidden_size"]
    tokens = ids.shape[1]
    x = nn.embed(nn.table(scope / "wte", config["vocab_size"], width), ids)
    x = x + nn.position_rows(nn.table(scope / "wpe", config["max_position_embeddings"], width), tokens)
    windows = {"global": None, "local": config["window_size"]}
    kinds = [kind for pattern, times in config["attention_types"] for kind in pattern * times]
    for n in range(config["num_layers"]):
        mask = causal(inputs.get("attention_mask"), tokens, windows[kinds[n]])
        x = _layer(scope / "h" / n, config, x, mask, forms[n])
    return nn.layer_norm(scope / "ln_f", x, config["layer_norm_epsilon"])


def _layer(scope: Scope, config: Config, x: jax.Array, mask: Mask, form: Form) -> jax.Array:
    (scope / "hidden").observe(x)
    width, epsilon, attention = x.shape[-1], config["layer_norm_epsilon"], scope / "attn" / "attention"
    y = form.normalise("attention", scope / "ln_1", x, epsilon)
    query, key, value = (
        split_heads(nn.dense(attention / name, y, width, bias=False), config["num_heads"])
        for name in ("q_proj", "k_proj", "v_proj")
    )
    mixed = attend(attention, query, key, value, mask, form, scale=1.0)
    x = x + nn.dense(attention / "out_proj", mixed, width).astype(jnp.float32)
    y = form.normalise("mlp", scope / "ln_2", x, epsilon)
    inner = nn.dense(scope / "mlp" / "c_fc", y, config.get("intermediate_size") or 4 * width)
    inner = form.activate(scope, config["activation_function"], inner)
    return x + nn.dense(scope / "mlp" / "c_proj", inner, width).astype(jnp.float32)


GPT_NEO = Family(
    variants={
        "text-generation": Variant(language("transformer", decoder, "wte"), Text()),
        "feature-extraction": Variant(embedding("transformer", decoder), Text()),
    },
    architectures={"GPTNeoForCausalLM": "text-generation", "GPTNeoModel": "feature-extraction"},
    prefix="transformer",
    layers=("transformer.h",),
    depths=("num_layers",),
    activation="activation_function",
    causal=True,
    unused=(*TIED, r".*\.attention\.(masked_)?bias"),
)
