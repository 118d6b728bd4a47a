"""BERT, GPT2 and ViT of Hugging Face's Flax classes, with encoder layers in one dtype and all around them in float32.

This is Ditto's assignment: the linear layers of the encoder and GELU in float16; embeddings, softmax, LayerNorm, pooler
and heads in float32. A residual sum has the dtype of the residual: float16 after BERT's LayerNorms, float32 where it
comes unnormalised from the embeddings, as in GPT2 and ViT, whose values would drown in the rounding of 8 fraction bits.

Each class only re-states `setup`, so parameter trees stay those of the classes they derive from and pre-trained weights
load.
"""

# Subclasses of untyped classes; flax creates the fields from these annotations.
# mypy: disable-error-code="misc,no-untyped-call"

from __future__ import annotations

import jax.numpy as jnp
from flax import linen as nn
from transformers.models.bert import modeling_flax_bert as bert
from transformers.models.gpt2 import modeling_flax_gpt2 as gpt2
from transformers.models.vit import modeling_flax_vit as vit


class BertModule(bert.FlaxBertModule):
    def setup(self) -> None:
        self.embeddings = bert.FlaxBertEmbeddings(self.config, dtype=jnp.float32)
        self.encoder = bert.FlaxBertEncoder(self.config, dtype=self.dtype)
        self.pooler = bert.FlaxBertPooler(self.config, dtype=jnp.float32)


class BertClassifierModule(bert.FlaxBertForSequenceClassificationModule):
    def setup(self) -> None:
        self.bert = BertModule(self.config, dtype=self.dtype)
        self.dropout = nn.Dropout(rate=0.0)
        self.classifier = nn.Dense(self.config.num_labels, dtype=jnp.float32)


class Gpt2Module(gpt2.FlaxGPT2Module):
    def setup(self) -> None:
        config = self.config
        self.embed_dim = config.hidden_size
        self.wte = nn.Embed(config.vocab_size, config.hidden_size, dtype=jnp.float32)
        self.wpe = nn.Embed(config.max_position_embeddings, config.hidden_size, dtype=jnp.float32)
        self.dropout = nn.Dropout(rate=0.0)
        self.h = gpt2.FlaxGPT2BlockCollection(config, dtype=self.dtype)
        self.ln_f = nn.LayerNorm(epsilon=config.layer_norm_epsilon, dtype=jnp.float32)


class Gpt2LmModule(gpt2.FlaxGPT2LMHeadModule):
    def setup(self) -> None:
        self.transformer = Gpt2Module(self.config, dtype=self.dtype)
        self.lm_head = nn.Dense(self.config.vocab_size, use_bias=False, dtype=jnp.float32)


class VitModule(vit.FlaxViTModule):
    def setup(self) -> None:
        self.embeddings = vit.FlaxViTEmbeddings(self.config, dtype=jnp.float32)
        self.encoder = vit.FlaxViTEncoder(self.config, dtype=self.dtype)
        self.layernorm = nn.LayerNorm(epsilon=self.config.layer_norm_eps, dtype=jnp.float32)
        self.pooler = None


class VitClassifierModule(vit.FlaxViTForImageClassificationModule):
    def setup(self) -> None:
        self.vit = VitModule(self.config, dtype=self.dtype, add_pooling_layer=False)
        self.classifier = nn.Dense(self.config.num_labels, dtype=jnp.float32)
