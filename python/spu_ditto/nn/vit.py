"""ViT and DeiT: encoders of squares of an image, with norms before each part.

The sum that runs through the layers is float32, as in GPT2.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from spu_ditto.errors import UnsupportedError
from spu_ditto.nn import layers as nn
from spu_ditto.nn.attention import Mask, attend, split_heads
from spu_ditto.nn.config import Config
from spu_ditto.nn.family import Family, Images, Inputs, Variant
from spu_ditto.nn.forms import Form, Forms
from spu_ditto.nn.scope import Scope

_TOKENS = {"vit": ("cls_token",), "deit": ("cls_token", "distillation_token")}


def check_size(config: Config, pixels: jax.Array) -> None:
    """Refuses images of another size than the configuration's."""
    size, channels = config["image_size"], config.get("num_channels", 3)
    if pixels.shape[1:] != (channels, size, size):
        raise UnsupportedError(
            f"pixel_values are [batch, {channels}, {size}, {size}] for this model, not {list(pixels.shape)}"
        )


def encoder(scope: Scope, config: Config, inputs: Inputs, forms: Forms) -> jax.Array:
    """Hidden states [b, t, width]: of the class token, of DeiT's other, and of the squares."""
    x = embeddings(scope / "embeddings", config, inputs["pixel_values"])
    for n in range(config["num_hidden_layers"]):
        layer = scope / "encoder" / "layer" / n
        (layer / "hidden").observe(x)
        x = mlp(layer, config, attention(layer, config, x, forms[n]), forms[n])
    (scope / "hidden").observe(x)
    return nn.layer_norm(scope / "layernorm", x, config["layer_norm_eps"])


def embeddings(scope: Scope, config: Config, pixels: jax.Array) -> jax.Array:
    """Squares of images [b, channels, height, width] behind the class tokens, and places: [b, t, width]."""
    check_size(config, pixels)
    width = config["hidden_size"]
    x = nn.patches(scope / "patch_embeddings" / "projection", pixels, width, config["patch_size"])
    names = _TOKENS[config["model_type"]]
    own = [jnp.broadcast_to(scope.weight(name, 1, 1, width), (x.shape[0], 1, width)) for name in names]
    x = jnp.concatenate([*own, x], axis=1)
    return x + scope.weight("position_embeddings", 1, x.shape[1], width)


def attention(scope: Scope, config: Config, x: jax.Array, form: Form) -> jax.Array:
    """The first half of a layer, with its norm and what goes around it: [b, t, width] to the same."""
    width, own = x.shape[-1], scope / "attention" / "attention"
    y = form.normalise("attention", scope / "layernorm_before", x, config["layer_norm_eps"])
    query, key, value = (
        split_heads(nn.dense(own / name, y, width, bias=config.get("qkv_bias", True)), config["num_attention_heads"])
        for name in ("query", "key", "value")
    )
    mixed = attend(own, query, key, value, Mask(), form)
    return x + nn.dense(scope / "attention" / "output" / "dense", mixed, width).astype(jnp.float32)


def mlp(scope: Scope, config: Config, x: jax.Array, form: Form) -> jax.Array:
    """The second half, likewise."""
    y = form.normalise("mlp", scope / "layernorm_after", x, config["layer_norm_eps"])
    inner = nn.dense(scope / "intermediate" / "dense", y, config["intermediate_size"])
    inner = form.activate(scope, config["hidden_act"], inner)
    return x + nn.dense(scope / "output" / "dense", inner, x.shape[-1]).astype(jnp.float32)


def _classes(scope: Scope, config: Config, inputs: Inputs, forms: Forms) -> jax.Array:
    hidden = encoder(scope / config["model_type"], config, inputs, forms)
    return nn.dense(scope / "classifier", hidden[:, 0], len(config.labels))


def _taught_classes(scope: Scope, config: Config, inputs: Inputs, forms: Forms) -> jax.Array:
    """The mean of what DeiT's two tokens say, if it has heads for both."""
    if (config.get("architectures") or [""])[0] != "DeiTForImageClassificationWithTeacher":
        return _classes(scope, config, inputs, forms)
    hidden, labels = encoder(scope / "deit", config, inputs, forms), len(config.labels)
    own = nn.dense(scope / "cls_classifier", hidden[:, 0], labels)
    return (own + nn.dense(scope / "distillation_classifier", hidden[:, 1], labels)) / 2


def _features(scope: Scope, config: Config, inputs: Inputs, forms: Forms) -> jax.Array:
    return encoder(scope / config["model_type"], config, inputs, forms)[:, 0]


_UNUSED = (r"(vit|deit)\.pooler\..*", r"(vit|deit)\.embeddings\.mask_token")

VIT = Family(
    variants={
        "image-classification": Variant(_classes, Images()),
        "image-feature-extraction": Variant(_features, Images()),
    },
    architectures={
        "ViTForImageClassification": "image-classification",
        "ViTModel": "image-feature-extraction",
    },
    prefix="vit",
    layers=("vit.encoder",),
    unused=_UNUSED,
)

DEIT = Family(
    variants={
        "image-classification": Variant(_taught_classes, Images()),
        "image-feature-extraction": Variant(_features, Images()),
    },
    architectures={
        "DeiTForImageClassification": "image-classification",
        "DeiTForImageClassificationWithTeacher": "image-classification",
        "DeiTModel": "image-feature-extraction",
    },
    prefix="deit",
    layers=("deit.encoder",),
    unused=_UNUSED,
)
