"""ResNet: convolutions with shortcuts. Batch norms are folded into the convolutions before them: their statistics are
constants of a trained model.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from spu_ditto.errors import UnsupportedError
from spu_ditto.nn import layers as nn
from spu_ditto.nn.config import Config
from spu_ditto.nn.family import Arrays, Family, Images, Inputs, Variant
from spu_ditto.nn.forms import Forms
from spu_ditto.nn.scope import Scope

_EPSILON = 1e-5
_REDUCTION = 4


def encoder(scope: Scope, config: Config, inputs: Inputs, forms: Forms) -> jax.Array:
    """Features [b, width]: means over the last feature maps."""
    config.expect(hidden_act="relu")
    pixels, channels = inputs["pixel_values"], config["num_channels"]
    if pixels.ndim != 4 or pixels.shape[1] != channels:
        raise UnsupportedError(f"pixel_values are [batch, {channels}, height, width], not {list(pixels.shape)}")
    x = _convolved(scope / "embedder" / "embedder", pixels, config["embedding_size"], 7, 2)
    x = lax.reduce_window(
        jax.nn.relu(x), -jnp.inf, lax.max, (1, 1, 3, 3), (1, 1, 2, 2), ((0, 0), (0, 0), (1, 1), (1, 1))
    )
    for n, (width, depth) in enumerate(zip(config["hidden_sizes"], config["depths"])):
        stride = 2 if n > 0 or config["downsample_in_first_stage"] else 1
        for m in range(depth):
            layer = scope / "encoder" / "stages" / n / "layers" / m
            x = _layer(layer, config, x, width, stride if m == 0 else 1)
    return x.astype(jnp.float32).mean(axis=(2, 3))


def _layer(scope: Scope, config: Config, x: jax.Array, width: int, stride: int) -> jax.Array:
    sizes: tuple[tuple[int, int], ...]
    strides: tuple[int, ...]
    if config["layer_type"] == "bottleneck":
        first = config.get("downsample_in_bottleneck", False)
        strides = (stride, 1, 1) if first else (1, stride, 1)
        sizes = ((width // _REDUCTION, 1), (width // _REDUCTION, 3), (width, 1))
    else:
        sizes, strides = ((width, 3), (width, 3)), (stride, 1)
    y = x
    for n, ((own, size), step) in enumerate(zip(sizes, strides)):
        y = _convolved(scope / "layer" / n, jax.nn.relu(y) if n else y, own, size, step)
    if x.shape[1] != width or stride != 1:
        x = _convolved(scope / "shortcut", x, width, 1, stride)
    total: jax.Array = jax.nn.relu(x.astype(jnp.float32) + y.astype(jnp.float32))
    return total


def _convolved(scope: Scope, x: jax.Array, width: int, size: int, stride: int) -> jax.Array:
    return nn.convolution(scope / "convolution", x, width, (size, size), stride=stride, padding=size // 2)


def _folded(config: Config, weights: Arrays) -> Arrays:
    """Convolutions that do what their norm does too."""
    folded: Arrays = {}
    for name, array in weights.items():
        place, _, last = name.rpartition(".")
        place, _, kind = place.rpartition(".")
        if kind == "normalization":
            continue
        norm = {part: weights.get(f"{place}.normalization.{part}") for part in _PARTS}
        if kind != "convolution" or last != "weight" or any(part is None for part in norm.values()):
            folded[name] = array
            continue
        weight, bias, mean, variance = (np.asarray(norm[part], np.float64) for part in _PARTS)
        scale = weight / np.sqrt(variance + _EPSILON)
        folded[name] = np.asarray(array, np.float64) * scale[:, None, None, None]
        folded[f"{place}.convolution.bias"] = bias - mean * scale
    return folded


_PARTS = ("weight", "bias", "running_mean", "running_var")


def _classes(scope: Scope, config: Config, inputs: Inputs, forms: Forms) -> jax.Array:
    features = encoder(scope / "resnet", config, inputs, forms)
    return nn.dense(scope / "classifier" / 1, features, len(config.labels))


def _features(scope: Scope, config: Config, inputs: Inputs, forms: Forms) -> jax.Array:
    return encoder(scope / "resnet", config, inputs, forms)


RESNET = Family(
    variants={
        "image-classification": Variant(_classes, Images()),
        "image-feature-extraction": Variant(_features, Images()),
    },
    architectures={
        "ResNetForImageClassification": "image-classification",
        "ResNetModel": "image-feature-extraction",
    },
    prefix="resnet",
    layers=("resnet.encoder",),
    depths=("depths",),
    width="hidden_sizes",
    prepare=_folded,
)
