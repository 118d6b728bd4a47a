"""BEiT: as ViT, with biases for the distances between squares, and residuals that are scaled."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from spu_ditto.nn import layers as nn
from spu_ditto.nn.attention import Mask, attend, split_heads
from spu_ditto.nn.config import Config
from spu_ditto.nn.family import Family, Images, Inputs, Variant
from spu_ditto.nn.forms import Form, Forms
from spu_ditto.nn.scope import Scope
from spu_ditto.nn.vit import check_size


def encoder(scope: Scope, config: Config, inputs: Inputs, forms: Forms) -> jax.Array:
    """Hidden states [b, t, width]: of the class token and of the squares."""
    pixels, width, place = inputs["pixel_values"], config["hidden_size"], scope / "embeddings"
    check_size(config, pixels)
    x = nn.patches(place / "patch_embeddings" / "projection", pixels, width, config["patch_size"])
    own = jnp.broadcast_to(place.weight("cls_token", 1, 1, width), (x.shape[0], 1, width))
    x = jnp.concatenate([own, x], axis=1)
    if config["use_absolute_position_embeddings"]:
        x = x + place.weight("position_embeddings", 1, x.shape[1], width)
    side = config["image_size"] // config["patch_size"]
    shared = None
    if config["use_shared_relative_position_bias"]:
        shared = _distances(scope / "encoder" / "relative_position_bias", config, side)
    for n in range(config["num_hidden_layers"]):
        layer, bias = scope / "encoder" / "layer" / n, shared
        if config["use_relative_position_bias"]:
            bias = _distances(layer / "attention" / "attention" / "relative_position_bias", config, side)
        x = _layer(layer, config, x, bias, forms[n])
    return x


def _distances(scope: Scope, config: Config, side: int) -> jax.Array:
    """What is added to scores, [1, h, t, t]: a row of a table for each vector between two of `side`² squares, and one
    each for class to square, square to class and class to class."""
    span = 2 * side - 1
    table = scope.weight("relative_position_bias_table", span * span + 3, config["num_attention_heads"])
    rows, columns = jnp.divmod(jnp.arange(side * side), side)
    between = (rows[:, None] - rows + side - 1) * span + columns[:, None] - columns + side - 1
    index = jnp.pad(between, ((1, 0), (1, 0)), constant_values=span * span + 1)
    first_row = jnp.where(jnp.arange(side * side + 1) > 0, span * span, span * span + 2)
    index = jnp.where(jnp.arange(side * side + 1)[:, None] > 0, index, first_row)
    return table[index].transpose(2, 0, 1)[None]


def _layer(scope: Scope, config: Config, x: jax.Array, bias: jax.Array | None, form: Form) -> jax.Array:
    (scope / "hidden").observe(x)
    width, epsilon, own = x.shape[-1], config["layer_norm_eps"], scope / "attention" / "attention"
    y = form.normalise("attention", scope / "layernorm_before", x, epsilon)
    query, key, value = (
        split_heads(nn.dense(own / name, y, width, bias=name != "key"), config["num_attention_heads"])
        for name in ("query", "key", "value")
    )
    mixed = attend(own, query, key, value, Mask(), form, bias=bias)
    x = x + _scaled(scope, "lambda_1", config, nn.dense(scope / "attention" / "output" / "dense", mixed, width))
    y = form.normalise("mlp", scope / "layernorm_after", x, epsilon)
    inner = nn.dense(scope / "intermediate" / "dense", y, config["intermediate_size"])
    inner = form.activate(scope, config["hidden_act"], inner)
    return x + _scaled(scope, "lambda_2", config, nn.dense(scope / "output" / "dense", inner, width))


def _scaled(scope: Scope, name: str, config: Config, x: jax.Array) -> jax.Array:
    x = x.astype(jnp.float32)
    return x * scope.weight(name, x.shape[-1]) if config["layer_scale_init_value"] > 0 else x


def _pooled(scope: Scope, config: Config, inputs: Inputs, forms: Forms) -> jax.Array:
    scope = scope / "beit"
    hidden = encoder(scope, config, inputs, forms)
    if config["use_mean_pooling"]:
        return nn.layer_norm(scope / "pooler" / "layernorm", hidden[:, 1:].mean(axis=1), config["layer_norm_eps"])
    return nn.layer_norm(scope / "layernorm", hidden[:, 0], config["layer_norm_eps"])


def _classes(scope: Scope, config: Config, inputs: Inputs, forms: Forms) -> jax.Array:
    return nn.dense(scope / "classifier", _pooled(scope, config, inputs, forms), len(config.labels))


BEIT = Family(
    variants={
        "image-classification": Variant(_classes, Images()),
        "image-feature-extraction": Variant(_pooled, Images()),
    },
    architectures={"BeitForImageClassification": "image-classification", "BeitModel": "image-feature-extraction"},
    prefix="beit",
    layers=("beit.encoder",),
    unused=(r".*\.relative_position_index", r"beit\.embeddings\.mask_token"),
)
