"""CLIP: one encoder of texts and one of images, whose results are compared."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from spu_ditto.nn import layers as nn
from spu_ditto.nn.attention import Mask, attend, causal, split_heads
from spu_ditto.nn.config import Config
from spu_ditto.nn.family import Family, Images, Inputs, Text, TextAndImages, Variant
from spu_ditto.nn.forms import Form, Forms
from spu_ditto.nn.scope import Scope
from spu_ditto.nn.vit import check_size

_BOTH = {"num_hidden_layers": 12, "hidden_act": "quick_gelu", "layer_norm_eps": 1e-5}


def text_config(config: Config) -> Config:
    """Settings of the encoder of texts."""
    own = {"vocab_size": 49408, "hidden_size": 512, "intermediate_size": 2048, "num_attention_heads": 8}
    return config.part("text_config", **_BOTH, **own, max_position_embeddings=77)


def vision_config(config: Config) -> Config:
    """Settings of the encoder of images."""
    own = {"hidden_size": 768, "intermediate_size": 3072, "num_attention_heads": 12}
    return config.part("vision_config", **_BOTH, **own, image_size=224, patch_size=32, num_channels=3)


def _texts(scope: Scope, config: Config, inputs: Inputs, forms: Forms) -> jax.Array:
    """Embeddings of texts [b, projection], of what stands at their last token: the end."""
    own = text_config(config)
    ids, mask, width, place = inputs["input_ids"], inputs["attention_mask"], own["hidden_size"], scope / "text_model"
    tokens = ids.shape[1]
    words = nn.table(place / "embeddings" / "token_embedding", own["vocab_size"], width)
    positions = nn.table(place / "embeddings" / "position_embedding", own["max_position_embeddings"], width)
    x = nn.embed(words, ids) + nn.position_rows(positions, tokens)
    x = _layers(place, own, x, causal(mask, tokens), forms)
    last = nn.layer_norm(place / "final_layer_norm", nn.last_token(x, mask), own["layer_norm_eps"])
    return nn.dense(scope / "text_projection", last, config["projection_dim"], bias=False)


def _images(scope: Scope, config: Config, inputs: Inputs, forms: Forms) -> jax.Array:
    """Embeddings of images [b, projection]."""
    own = vision_config(config)
    pixels, width, place = inputs["pixel_values"], own["hidden_size"], scope / "vision_model"
    check_size(own, pixels)
    x = nn.patches(place / "embeddings" / "patch_embedding", pixels, width, own["patch_size"], bias=False)
    first = (place / "embeddings").weight("class_embedding", width)
    x = jnp.concatenate([jnp.broadcast_to(first, (x.shape[0], 1, width)), x], axis=1)
    x = x + nn.position_rows(nn.table(place / "embeddings" / "position_embedding", x.shape[1], width), x.shape[1])
    # So it is spelt in all files.
    x = nn.layer_norm(place / "pre_layrnorm", x, own["layer_norm_eps"])
    x = _layers(place, own, x, Mask(), forms)
    first = nn.layer_norm(place / "post_layernorm", x[:, 0], own["layer_norm_eps"])
    return nn.dense(scope / "visual_projection", first, config["projection_dim"], bias=False)


def _layers(scope: Scope, config: Config, x: jax.Array, mask: Mask, forms: Forms) -> jax.Array:
    for n in range(config["num_hidden_layers"]):
        x = _layer(scope / "encoder" / "layers" / n, config, x, mask, forms[n])
    return x


def _layer(scope: Scope, config: Config, x: jax.Array, mask: Mask, form: Form) -> jax.Array:
    width, epsilon, attention = x.shape[-1], config["layer_norm_eps"], scope / "self_attn"
    y = form.normalise("attention", scope / "layer_norm1", x, epsilon)
    query, key, value = (
        split_heads(nn.dense(attention / name, y, width), config["num_attention_heads"])
        for name in ("q_proj", "k_proj", "v_proj")
    )
    mixed = attend(attention, query, key, value, mask, form)
    x = x + nn.dense(attention / "out_proj", mixed, width).astype(jnp.float32)
    y = form.normalise("mlp", scope / "layer_norm2", x, epsilon)
    inner = form.activate(scope, config["hidden_act"], nn.dense(scope / "mlp" / "fc1", y, config["intermediate_size"]))
    return x + nn.dense(scope / "mlp" / "fc2", inner, width).astype(jnp.float32)


def _compared(scope: Scope, config: Config, inputs: Inputs, forms: Forms) -> jax.Array:
    """Logits [images, texts]: cosines times a scale."""
    own = text_config(config)["num_hidden_layers"]
    texts = nn.unit(_texts(scope, config, inputs, forms[:own]))
    images = nn.unit(_images(scope, config, inputs, forms[own:]))
    return jnp.dot(images, texts.T) * jnp.exp(scope.weight("logit_scale"))


_BUFFERS = (r".*\.position_ids",)

CLIP = Family(
    variants={
        "zero-shot-image-classification": Variant(_compared, TextAndImages()),
        "feature-extraction": Variant(_texts, Text(), (r"vision_model\..*", r"visual_projection\..*", "logit_scale")),
        "image-feature-extraction": Variant(
            _images, Images(), (r"text_model\..*", r"text_projection\..*", "logit_scale")
        ),
    },
    architectures={"CLIPModel": "zero-shot-image-classification"},
    layers=("text_model.encoder", "vision_model.encoder"),
    depths=("text_config.num_hidden_layers", "vision_config.num_hidden_layers"),
    width="projection_dim",
    part=lambda config, takes: vision_config(config) if isinstance(takes, Images) else text_config(config),
    unused=_BUFFERS,
)
