"""BERT, GPT2 and ViT of Hugging Face's Flax classes, with encoder layers in one dtype and all around them in float32.

This is Ditto's assignment: the linear layers of the encoder and what lies between them (GELU, residual sums) in
float16; embeddings, softmax, LayerNorm, pooler and heads in float32. Each class only re-states `setup`, so parameter
trees stay those of the classes they derive from and pre-trained weights load.
"""

# Subclasses of untyped classes; flax creates the fields from these annotations.
# mypy: disable-error-code="misc,no-untyped-call"

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from transformers.models.bert import modeling_flax_bert as bert
from transformers.models.gpt2 import modeling_flax_gpt2 as gpt2
from transformers.models.vit import modeling_flax_vit as vit


class BertEncoder(bert.FlaxBertEncoder):
    """Converts its input once, so that the residual sums run in its own dtype."""

    def __call__(self, hidden_states: Any, *args: Any, **kwargs: Any) -> Any:
        return super().__call__(hidden_states.astype(self.dtype), *args, **kwargs)


class BertModule(bert.FlaxBertModule):
    def setup(self) -> None:
        self.embeddings = bert.FlaxBertEmbeddings(self.config, dtype=jnp.float32)
        self.encoder = BertEncoder(self.config, dtype=self.dtype)
        self.pooler = bert.FlaxBertPooler(self.config, dtype=jnp.float32)


class BertClassifierModule(bert.FlaxBertForSequenceClassificationModule):
    def setup(self) -> None:
        self.bert = BertModule(self.config, dtype=self.dtype)
        self.dropout = nn.Dropout(rate=0.0)
        self.classifier = nn.Dense(self.config.num_labels, dtype=jnp.float32)


class Gpt2Blocks(gpt2.FlaxGPT2BlockCollection):
    """Converts its input once, so that the residual sums run in its own dtype."""

    def __call__(self, hidden_states: Any, *args: Any, **kwargs: Any) -> Any:
        return super().__call__(hidden_states.astype(self.dtype), *args, **kwargs)


class Gpt2Module(gpt2.FlaxGPT2Module):
    def setup(self) -> None:
        config = self.config
        self.embed_dim = config.hidden_size
        self.wte = nn.Embed(config.vocab_size, config.hidden_size, dtype=jnp.float32)
        self.wpe = nn.Embed(config.max_position_embeddings, config.hidden_size, dtype=jnp.float32)
        self.dropout = nn.Dropout(rate=0.0)
        self.h = Gpt2Blocks(config, dtype=self.dtype)
        self.ln_f = nn.LayerNorm(epsilon=config.layer_norm_epsilon, dtype=jnp.float32)


class Gpt2LmModule(gpt2.FlaxGPT2LMHeadModule):
    def setup(self) -> None:
        self.transformer = Gpt2Module(self.config, dtype=self.dtype)
        self.lm_head = nn.Dense(self.config.vocab_size, use_bias=False, dtype=jnp.float32)


class VitEncoder(vit.FlaxViTEncoder):
    """Converts its input once, so that the residual sums run in its own dtype."""

    def __call__(self, hidden_states: Any, *args: Any, **kwargs: Any) -> Any:
        return super().__call__(hidden_states.astype(self.dtype), *args, **kwargs)


class VitModule(vit.FlaxViTModule):
    def setup(self) -> None:
        self.embeddings = vit.FlaxViTEmbeddings(self.config, dtype=jnp.float32)
        self.encoder = VitEncoder(self.config, dtype=self.dtype)
        self.layernorm = nn.LayerNorm(epsilon=self.config.layer_norm_eps, dtype=jnp.float32)
        self.pooler = None


class VitClassifierModule(vit.FlaxViTForImageClassificationModule):
    def setup(self) -> None:
        self.vit = VitModule(self.config, dtype=self.dtype, add_pooling_layer=False)
        self.classifier = nn.Dense(self.config.num_labels, dtype=jnp.float32)
