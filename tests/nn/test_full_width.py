"""Two layers of models as wide as real ones, among three simulated parties, within 1 % of float32."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import spu_ditto
from spu_ditto import models

TOKENS = 16
_BERT = {
    "hidden_size": 768,
    "num_hidden_layers": 2,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "hidden_act": "gelu",
    "max_position_embeddings": 514,
    "layer_norm_eps": 1e-5,
}
# So many that the largest logit of random weights is not small by chance.
_LABELS = {str(n): str(n) for n in range(100)}
# As published: BERT-base, RoBERTa-base, GPT2, ViT-base, and TinyLlama (the layers of LLaMA 2, with fewer heads of keys
# than of queries) with a quarter of its words, which saves memory.
CONFIGS: dict[str, dict[str, Any]] = {
    "bert": {
        **_BERT,
        "architectures": ["BertForSequenceClassification"],
        "vocab_size": 30522,
        "id2label": _LABELS,
        "type_vocab_size": 2,
    },
    "roberta": {
        **_BERT,
        "architectures": ["RobertaForSequenceClassification"],
        "vocab_size": 50265,
        "id2label": _LABELS,
        "type_vocab_size": 1,
        "pad_token_id": 1,
    },
    "gpt2": {
        "architectures": ["GPT2LMHeadModel"],
        "vocab_size": 50257,
        "n_embd": 768,
        "n_layer": 2,
        "n_head": 12,
        "n_positions": 1024,
        "activation_function": "gelu_new",
        "layer_norm_epsilon": 1e-5,
    },
    "vit": {
        **_BERT,
        "architectures": ["ViTForImageClassification"],
        "image_size": 64,
        "patch_size": 16,
        "num_channels": 3,
        "qkv_bias": True,
        "id2label": _LABELS,
    },
    "llama": {
        "architectures": ["LlamaForCausalLM"],
        "vocab_size": 8000,
        "hidden_size": 2048,
        "num_hidden_layers": 2,
        "num_attention_heads": 32,
        "num_key_value_heads": 4,
        "intermediate_size": 5632,
        "hidden_act": "silu",
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "max_position_embeddings": 2048,
        "tie_word_embeddings": False,
    },
}


@pytest.mark.parametrize("name", CONFIGS)
def test_full_width(name: str) -> None:
    model = models.load({}, config={"model_type": name, **CONFIGS[name]}, random_weights=True)
    inputs = model.make_inputs(seq_len=TOKENS)
    result = np.asarray(spu_ditto.compile(model.apply, fraction_bits=model.fraction_bits)(model.params, inputs))
    expected = np.asarray(model.reference(model.params, inputs))
    if name in ("gpt2", "llama"):
        result, expected = (x * inputs["attention_mask"][..., None] for x in (result, expected))
    error = np.max(np.abs(result - expected)) / np.max(np.abs(expected))
    print(f"{name}: {error:.2e}")
    assert error < 0.01
