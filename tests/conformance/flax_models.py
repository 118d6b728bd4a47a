"""Stock Flax models of Hugging Face's transformers 4, tiny and with random weights, called as they are.

Each is its class, a configuration and inputs; weights are secret, inputs secret unless their names end in "mask".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import numpy as np
import transformers

from tests.conformance.outcome import Array

IDS = np.array([[3, 5, 7, 2, 9, 4]], np.int32)
MASK = np.array([[1, 1, 1, 1, 1, 0]], np.int32)
PIXELS = (np.random.default_rng(0).integers(-8, 8, (1, 3, 16, 16)) / 8).astype(np.float32)

# A width of 32, two layers, two heads and fifty words.
_BERT = {
    "vocab_size": 50,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 40,
}


@dataclass(frozen=True)
class FlaxModel:
    """`run(params, *inputs)` is the function to compile."""

    name: str
    model: str
    config: str
    settings: dict[str, Any]
    inputs: tuple[Array, ...]
    run: Callable[..., Any]

    @cached_property
    def loaded(self) -> Any:
        config = getattr(transformers, self.config)(**self.settings)
        return getattr(transformers, self.model)(config, seed=0)

    def function(self, params: Any, *inputs: Any) -> Any:
        return self.run(self.loaded, params, *inputs)

    def expected(self) -> Any:
        """The model's own results in float32."""
        return jax.jit(self.function)(self.loaded.params, *self.inputs)


MODELS: list[FlaxModel] = []


def add(
    name: str,
    settings: dict[str, Any],
    inputs: tuple[Array, ...] = (IDS, MASK),
    run: Callable[..., Any] = lambda model, params, ids, mask: model(ids, mask, params=params)[0],
    kind: str = "Model",
    config: str = "",
) -> None:
    MODELS.append(FlaxModel(name + kind, f"Flax{name}{kind}", config or f"{name}Config", settings, inputs, run))


add("Bert", _BERT)
add("Bert", _BERT, kind="ForSequenceClassification")
add("Roberta", _BERT)
add("DistilBert", {"vocab_size": 50, "dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64})
add("Albert", {**_BERT, "embedding_size": 16})
add("Electra", {**_BERT, "embedding_size": 16})
add("XLMRoberta", _BERT)
add("GPT2", {"vocab_size": 50, "n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 20}, kind="LMHeadModel")
add(
    "GPTNeo",
    {
        "vocab_size": 50,
        "hidden_size": 32,
        "num_layers": 2,
        "num_heads": 2,
        "attention_types": [[["global", "local"], 1]],
        "max_position_embeddings": 20,
        "window_size": 4,
    },
    kind="ForCausalLM",
)
add(
    "OPT",
    {
        "vocab_size": 50,
        "hidden_size": 32,
        "word_embed_proj_dim": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "ffn_dim": 64,
        "max_position_embeddings": 20,
    },
    kind="ForCausalLM",
)
_LLAMA = {
    "vocab_size": 50,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 20,
}
add("Llama", {**_LLAMA, "num_key_value_heads": 4}, kind="ForCausalLM")
add("Mistral", _LLAMA, kind="ForCausalLM")
add("Gemma", {**_LLAMA, "head_dim": 8}, kind="ForCausalLM")
add("Bloom", {"vocab_size": 50, "hidden_size": 32, "n_layer": 2, "n_head": 2}, kind="ForCausalLM")
_T5 = {
    "vocab_size": 50,
    "d_model": 32,
    "d_kv": 16,
    "d_ff": 64,
    "num_layers": 2,
    "num_heads": 2,
    "decoder_start_token_id": 0,
}
add("T5", _T5, kind="EncoderModel", config="T5Config")
add(
    "T5",
    _T5,
    (IDS, IDS[:, :4]),
    lambda model, params, ids, decoder: model(ids, decoder_input_ids=decoder, params=params).logits,
    kind="ForConditionalGeneration",
)
_ENCODER_DECODER = {
    "vocab_size": 50,
    "d_model": 32,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 64,
    "decoder_ffn_dim": 64,
}
add(
    "Bart",
    {
        **_ENCODER_DECODER,
        "max_position_embeddings": 20,
        "pad_token_id": 1,
        "decoder_start_token_id": 2,
    },
    (IDS, IDS[:, :4]),
    lambda model, params, ids, decoder: model(ids, decoder_input_ids=decoder, params=params)[0],
)
add(
    "Whisper",
    {
        **_ENCODER_DECODER,
        "num_mel_bins": 8,
        "max_source_positions": 8,
        "max_target_positions": 8,
        "pad_token_id": 1,
        "bos_token_id": 2,
        "eos_token_id": 2,
        "decoder_start_token_id": 3,
        "suppress_tokens": [],
        "begin_suppress_tokens": [],
    },
    ((np.random.default_rng(1).integers(-8, 8, (1, 8, 16)) / 8).astype(np.float32), IDS[:, :4]),
    lambda model, params, features, decoder: model(features, decoder, params=params)[0],
)
_VIT = {
    "image_size": 16,
    "patch_size": 8,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
}
add("ViT", _VIT, (PIXELS,), lambda model, params, pixels: model(pixels, params=params)[0])
add("Beit", {**_VIT, "vocab_size": 50}, (PIXELS,), lambda model, params, pixels: model(pixels, params=params)[0])
add(
    "CLIP",
    {
        "text_config": {**_BERT, "max_position_embeddings": 20, "eos_token_id": 9},
        "vision_config": _VIT,
        "projection_dim": 16,
    },
    (IDS, PIXELS),
    lambda model, params, ids, pixels: model(ids, pixels, params=params).logits_per_image,
)
add(
    "ResNet",
    {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "layer_type": "basic"},
    (PIXELS,),
    lambda model, params, pixels: model(pixels, params=params)[1],
)
