"""What there is to know of a family of models: its networks by task, and how its files are to be read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import jax

from spu_ditto.nn.config import Config
from spu_ditto.nn.forms import Forms
from spu_ditto.nn.scope import Scope

# As transformers calls them.
Task = Literal[
    "feature-extraction",
    "text-classification",
    "token-classification",
    "question-answering",
    "fill-mask",
    "text-generation",
    "text2text-generation",
    "image-classification",
    "image-feature-extraction",
    "zero-shot-image-classification",
    "audio-feature-extraction",
]
Inputs = Mapping[str, Any]
Network = Callable[[Scope, Config, Inputs, Forms], jax.Array]
Arrays = dict[str, Any]


@dataclass(frozen=True)
class Text:
    """Tokens: `input_ids` and `attention_mask`, int32 [batch, tokens], padded on the right.

    Attributes:
        types: whether there are `token_type_ids` besides.
        decoder: whether there are `decoder_input_ids` [batch, decoder tokens] besides.
    """

    types: bool = False
    decoder: bool = False


@dataclass(frozen=True)
class Images:
    """`pixel_values`, float32 [batch, channels, height, width], as image processors give them."""


@dataclass(frozen=True)
class TextAndImages:
    """`input_ids`, `attention_mask` of texts and `pixel_values` of images."""


@dataclass(frozen=True)
class Audio:
    """`input_features`, float32 [batch, bins, frames]: a log-Mel spectrogram."""


Takes = Text | Images | TextAndImages | Audio


@dataclass(frozen=True)
class Variant:
    """A family's network for a task.

    Attributes:
        network: a function of the weights' scope, the configuration, inputs, and what each layer uses.
        takes: its inputs.
        unused: regular expressions of weights that files hold and this network does not need.
    """

    network: Network
    takes: Takes
    unused: tuple[str, ...] = ()


@dataclass(frozen=True)
class Family:
    """Models of one kind.

    Attributes:
        variants: by task.
        architectures: the task of each class that a configuration may name.
        prefix: what the names of all but the heads' weights begin with; files of bare models leave it out.
        layers: the parts of the network, by the beginnings of their weights' names, that compute in float16.
        depths: the keys of a configuration that say how many layers there are: of an encoder, of a decoder.
        width, activation: the keys that say how wide they are, and what is between the parts of a feed-forward layer.
        causal: whether each token looks only at those before it.
        in_out: whether matrices of layers are kept as [in, out], and not as [out, in].
        small_fraction: fraction bits of float16 numbers. Without a norm behind them the small outputs of a layer's
            products need a finer scale.
        part: the settings of the part that takes these inputs, where there are several.
        positions: how many tokens a configuration allows; None for any number.
        unused: regular expressions of what files hold that is no weight, or the same as another.
        renamed: regular expressions of parts of names in some files, and what stands there here.
        prepare: makes what the network needs of the weights of a file.
    """

    variants: Mapping[Task, Variant]
    architectures: Mapping[str, Task]
    layers: tuple[str, ...]
    prefix: str = ""
    depths: tuple[str, ...] = ("num_hidden_layers",)
    width: str = "hidden_size"
    activation: str = "hidden_act"
    causal: bool = False
    in_out: bool = False
    small_fraction: int = 12
    part: Callable[[Config, Takes], Config] = lambda config, takes: config
    positions: Callable[[Config], int | None] = lambda config: config.get("max_position_embeddings")
    unused: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    prepare: Callable[[Config, Arrays], Arrays] = lambda config, weights: weights
