"""GPT2: a decoder whose norms come before each part, and whose linear layers are kept as [in, out].

The sum that runs through the layers is float32: it comes unnormalised from the embeddings, and would drown in the
rounding of 8 fraction bits.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from spu_ditto.nn import layers as nn
from spu_ditto.nn.attention import Mask, attend, causal, split_heads
from spu_ditto.nn.config import Config
from spu_ditto.nn.family import Family, Inputs, Network, Text, Variant
from spu_ditto.nn.forms import Form, Forms
from spu_ditto.nn.scope import Scope


def decoder(scope: Scope, config: Config, inputs: Inputs, forms: Forms) -> jax.Array:
    """Hidden states [b, t, width] of tokens."""
    config.expect(scale_attn_weights=True, scale_attn_by_inverse_layer_idx=False, add_cross_attention=False)
    ids = inputs["input_ids"]
    tokens = ids.shape[1]
    x = nn.embed(nn.table(scope / "wte", config["vocab_size"], config["n_embd"]), ids)
    x = x + nn.position_rows(nn.table(scope / "wpe", config["n_positions"], config["n_embd"]), tokens)
    mask = causal(inputs.get("attention_mask"), tokens)
    for n in range(config["n_layer"]):
        x = _layer(scope / "h" / n, config, x, mask, forms[n])
    return nn.layer_norm(scope / "ln_f", x, config["layer_norm_epsilon"])


def _layer(scope: Scope, config: Config, x: jax.Array, mask: Mask, form: Form) -> jax.Array:
    (scope / "hidden").observe(x)
    width, epsilon = x.shape[-1], config["layer_norm_epsilon"]
    y = form.normalise("attention", scope / "ln_1", x, epsilon)
    projected = nn.dense(scope / "attn" / "c_attn", y, 3 * width, transposed=False)
    query, key, value = (split_heads(part, config["n_head"]) for part in jnp.split(projected, 3, axis=-1))
    mixed = attend(scope / "attn", query, key, value, mask, form)
    x = x + nn.dense(scope / "attn" / "c_proj", mixed, width, transposed=False).astype(jnp.float32)
    y = form.normalise("mlp", scope / "ln_2", x, epsilon)
    inner = nn.dense(scope / "mlp" / "c_fc", y, config.get("n_inner") or 4 * width, transposed=False)
    inner = form.activate(scope, config["activation_function"], inner)
    return x + nn.dense(scope / "mlp" / "c_proj", inner, width, transposed=False).astype(jnp.float32)


# ------------------------------------------------------------------------------------------------------ heads

Decoder = Callable[[Scope, Config, Inputs, Forms], jax.Array]


def embedding(name: str, body: Decoder) -> Network:
    """The mean of the tokens' hidden states, [b, width]."""

    def network(scope: Scope, config: Config, inputs: Inputs, forms: Forms) -> jax.Array:
        return nn.mean_pool(body(scope / name, config, inputs, forms), inputs["attention_mask"])

    return network


def classes(name: str, body: Decoder) -> Network:
    """Logits at the last token, [b, labels]."""

    def network(scope: Scope, config: Config, inputs: Inputs, forms: Forms) -> jax.Array:
        last = nn.last_token(body(scope / name, config, inputs, forms), inputs["attention_mask"])
        return nn.dense(scope / "score", last, len(config.labels), bias=False)

    return network


def language(name: str, body: Decoder, *words: str, width: str = "hidden_size") -> Network:
    """Logits of the word that follows each token, [b, t, vocabulary].

    Args:
        words: where, below `name`, the words' embeddings are.
        width: the key of the configuration that says how wide these are.
    """

    def network(scope: Scope, config: Config, inputs: Inputs, forms: Forms) -> jax.Array:
        x = body(scope / name, config, inputs, forms)
        if not config.get("tie_word_embeddings", True):
            return nn.dense(scope / "lm_head", x, config["vocab_size"], bias=False)
        place = scope / name
        for word in words:
            place = place / word
        return nn.tied(scope / "lm_head", x, nn.table(place, config["vocab_size"], config[width]))

    return network


# The head, where it is the embeddings once more.
TIED = (r"lm_head\.weight",)

GPT2 = Family(
    variants={
        "text-generation": Variant(language("transformer", decoder, "wte", width="n_embd"), Text()),
        "feature-extraction": Variant(embedding("transformer", decoder), Text()),
        "text-classification": Variant(classes("transformer", decoder), Text()),
    },
    architectures={
        "GPT2LMHeadModel": "text-generation",
        "GPT2Model": "feature-extraction",
        "GPT2ForSequenceClassification": "text-classification",
    },
    prefix="transformer",
    layers=("transformer.h",),
    depths=("n_layer",),
    width="n_embd",
    activation="activation_function",
    causal=True,
    in_out=True,
    positions=lambda config: config["n_positions"],
    unused=(*TIED, r".*\.attn\.(masked_)?bias"),
)
