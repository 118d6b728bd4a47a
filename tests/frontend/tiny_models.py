"""Directories of small models, for tests that need the structure and not the size."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_ENCODER = {
    "hidden_size": 64,
    "num_attention_heads": 2,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-12,
}
_CONFIGS: dict[str, dict[str, Any]] = {
    "bert": {
        "architectures": ["BertForSequenceClassification"],
        **_ENCODER,
        "vocab_size": 50,
        "max_position_embeddings": 32,
        "type_vocab_size": 2,
    },
    "gpt2": {
        "architectures": ["GPT2LMHeadModel"],
        "n_embd": 64,
        "n_head": 2,
        "n_layer": 2,
        "n_positions": 32,
        "vocab_size": 50,
        "activation_function": "gelu_new",
        "layer_norm_epsilon": 1e-5,
    },
    "vit": {"architectures": ["ViTForImageClassification"], **_ENCODER, "image_size": 16, "patch_size": 4},
}


def write_tiny_model(folder: Path, model_type: str) -> Path:
    """Writes the config.json of a small model; `models.load(folder, random_weights=True)` makes the model."""
    (folder / "config.json").write_text(json.dumps({"model_type": model_type, **_CONFIGS[model_type]}))
    return folder
