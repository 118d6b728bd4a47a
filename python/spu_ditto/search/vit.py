"""Vision Transformers small enough to be trained from scratch."""

from __future__ import annotations

import dataclasses
import re

from spu_ditto import models
from spu_ditto.data.images import ImageSet
from spu_ditto.errors import UnsupportedError
from spu_ditto.nn.images import ImageProcessor


def small_vit(images: ImageSet, shape: str = "4x4x128", patch: int = 4, seed: int = 0) -> models.Model:
    """A ViT for these pictures, with random weights: an MLP twice as wide, no bias in front of attention.

    Args:
        images: of squares.
        shape: layers x heads x width. MPCViT's are 7x4x256 (CIFAR, patch 4) and 9x12x192 (Tiny-ImageNet).
        patch: the side of the squares that a picture is cut into, in pixels.

    Raises:
        UnsupportedError: there is no such network.
    """
    height, width, channels = images.size
    match = re.fullmatch(r"(\d+)x(\d+)x(\d+)", shape)
    layers, heads, size = (int(n) for n in match.groups()) if match else (0, 0, 0)
    if not (layers and heads and size) or size % heads:
        raise UnsupportedError(f"{shape!r} is not layers x heads x width, such as 4x4x128, a width that heads divide")
    if height != width or not 1 <= patch <= height or height % patch:
        raise UnsupportedError(f"pictures of {height} x {width} are not cut into squares of {patch}")
    config = {
        "model_type": "vit",
        "architectures": ["ViTForImageClassification"],
        "hidden_size": size,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "intermediate_size": 2 * size,
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-6,
        "image_size": height,
        "patch_size": patch,
        "num_channels": channels,
        "qkv_bias": False,
        "id2label": {str(n): label for n, label in enumerate(images.labels)},
    }
    settings = {
        "do_resize": True,
        "size": {"height": height, "width": height},
        "image_mean": [0.5] * channels,
        "image_std": [0.5] * channels,
    }
    made = models.load({}, config=config, random_weights=True, seed=seed)
    return dataclasses.replace(made, name=f"vit-{shape}", images=ImageProcessor(settings))
