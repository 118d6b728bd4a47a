"""BERT, RoBERTa and ELECTRA: encoders whose norms come after each part, and their heads.

A residual sum has the dtype of the layer: it is normalised right behind.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from spu_ditto.nn import layers as nn
from spu_ditto.nn.attention import Mask, attend, padded, split_heads
from spu_ditto.nn.config import Config
from spu_ditto.nn.family import Family, Inputs, Task, Text, Variant
from spu_ditto.nn.forms import Form, Forms, Part
from spu_ditto.nn.scope import Scope

Body = Callable[[Scope, Config, Inputs, Forms], jax.Array]


def encoder(scope: Scope, config: Config, inputs: Inputs, forms: Forms, first_position: int = 0) -> jax.Array:
    """Hidden states [b, t, width] of tokens."""
    config.expect(position_embedding_type="absolute", is_decoder=False, add_cross_attention=False)
    x = word_embeddings(scope / "embeddings", config, inputs, first_position)
    if x.shape[-1] != config["hidden_size"]:
        x = nn.dense(scope / "embeddings_project", x, config["hidden_size"])
    mask = padded(inputs.get("attention_mask"))
    for n in range(config["num_hidden_layers"]):
        x = _layer(scope / "encoder" / "layer" / n, config, x, mask, forms[n])
    (scope / "hidden").observe(x)
    return x


def word_embeddings(scope: Scope, config: Config, inputs: Inputs, first_position: int = 0) -> jax.Array:
    """Normalised sums of the embeddings of words, types and positions, [b, t, size]."""
    width = config.get("embedding_size", config["hidden_size"])
    ids = inputs["input_ids"]
    x = nn.embed(nn.table(scope / "word_embeddings", config["vocab_size"], width), ids)
    types = nn.table(scope / "token_type_embeddings", config["type_vocab_size"], width)
    x = x + (nn.embed(types, inputs["token_type_ids"]) if "token_type_ids" in inputs else types[0])
    positions = nn.table(scope / "position_embeddings", config["max_position_embeddings"], width)
    x = x + nn.position_rows(positions, ids.shape[1], first_position)
    return nn.layer_norm(scope / "LayerNorm", x, config.get("layer_norm_eps", 1e-12))


def _layer(scope: Scope, config: Config, x: jax.Array, mask: Mask, form: Form) -> jax.Array:
    (scope / "hidden").observe(x)
    width, heads, epsilon = x.shape[-1], config["num_attention_heads"], config.get("layer_norm_eps", 1e-12)
    x = x.astype(scope.dtype)
    own = scope / "attention" / "self"
    query, key, value = (split_heads(nn.dense(own / name, x, width), heads) for name in ("query", "key", "value"))
    mixed = attend(own, query, key, value, mask, form)
    x = _residual(scope / "attention" / "output", mixed, x, epsilon, form, "attention")
    inner = nn.dense(scope / "intermediate" / "dense", x, config["intermediate_size"])
    inner = form.activate(scope, config["hidden_act"], inner)
    return _residual(scope / "output", inner, x, epsilon, form, "mlp")


def _residual(scope: Scope, inner: jax.Array, x: jax.Array, epsilon: float, form: Form, part: Part) -> jax.Array:
    y = nn.dense(scope / "dense", inner, x.shape[-1]) + x
    return form.normalise(part, scope / "LayerNorm", y, epsilon).astype(scope.dtype)


# ------------------------------------------------------------------------------------------------------ heads


def embedding(name: str, body: Body) -> Body:
    """The mean of the tokens' hidden states, [b, width]."""

    def network(scope: Scope, config: Config, inputs: Inputs, forms: Forms) -> jax.Array:
        return nn.mean_pool(body(scope / name, config, inputs, forms), inputs["attention_mask"])

    return network


def labelled(name: str, body: Body) -> Body:
    """Logits of each token, [b, t, labels]."""

    def network(scope: Scope, config: Config, inputs: Inputs, forms: Forms) -> jax.Array:
        return nn.dense(scope / "classifier", body(scope / name, config, inputs, forms), len(config.labels))

    return network


def answering(name: str, body: Body) -> Body:
    """Logits of an answer's first and last token, [b, t, 2]."""

    def network(scope: Scope, config: Config, inputs: Inputs, forms: Forms) -> jax.Array:
        return nn.dense(scope / "qa_outputs", body(scope / name, config, inputs, forms), 2)

    return network


def word_table(scope: Scope, config: Config) -> jax.Array:
    """The words' embeddings [vocabulary, width], of a scope that has them under `embeddings`."""
    width = config.get("embedding_size", config["hidden_size"])
    return nn.table(scope / "embeddings" / "word_embeddings", config["vocab_size"], width)


def _bert_classes(scope: Scope, config: Config, inputs: Inputs, forms: Forms) -> jax.Array:
    first = encoder(scope / "bert", config, inputs, forms)[:, 0].astype(jnp.float32)
    pooled = jnp.tanh(nn.dense(scope / "bert" / "pooler" / "dense", first, first.shape[-1]))
    return nn.dense(scope / "classifier", pooled, len(config.labels))


def _bert_words(scope: Scope, config: Config, inputs: Inputs, forms: Forms) -> jax.Array:
    config.expect(tie_word_embeddings=True)
    x = encoder(scope / "bert", config, inputs, forms).astype(jnp.float32)
    head = scope / "cls" / "predictions"
    x = nn.activation(config["hidden_act"])(nn.dense(head / "transform" / "dense", x, x.shape[-1]))
    x = nn.layer_norm(head / "transform" / "LayerNorm", x, config.get("layer_norm_eps", 1e-12))
    return nn.tied(head, x, word_table(scope / "bert", config)) + head.weight("bias", config["vocab_size"])


def roberta(scope: Scope, config: Config, inputs: Inputs, forms: Forms) -> jax.Array:
    """As BERT, with the first positions kept for padding; there are no types."""
    inputs = {name: value for name, value in inputs.items() if name != "token_type_ids"}
    return encoder(scope, config, inputs, forms, first_position=config["pad_token_id"] + 1)


def _roberta_classes(scope: Scope, config: Config, inputs: Inputs, forms: Forms) -> jax.Array:
    first = roberta(scope / "roberta", config, inputs, forms)[:, 0].astype(jnp.float32)
    head = scope / "classifier"
    return nn.dense(head / "out_proj", jnp.tanh(nn.dense(head / "dense", first, first.shape[-1])), len(config.labels))


def _roberta_words(scope: Scope, config: Config, inputs: Inputs, forms: Forms) -> jax.Array:
    config.expect(tie_word_embeddings=True)
    x = roberta(scope / "roberta", config, inputs, forms).astype(jnp.float32)
    head = scope / "lm_head"
    x = nn.activation("gelu")(nn.dense(head / "dense", x, x.shape[-1]))
    x = nn.layer_norm(head / "layer_norm", x, config.get("layer_norm_eps", 1e-12))
    return nn.tied(head, x, word_table(scope / "roberta", config)) + head.weight("bias", config["vocab_size"])


def _electra_classes(scope: Scope, config: Config, inputs: Inputs, forms: Forms) -> jax.Array:
    first = encoder(scope / "electra", config, inputs, forms)[:, 0].astype(jnp.float32)
    head = scope / "classifier"
    x = nn.activation("gelu")(nn.dense(head / "dense", first, first.shape[-1]))
    return nn.dense(head / "out_proj", x, len(config.labels))


def _electra_words(scope: Scope, config: Config, inputs: Inputs, forms: Forms) -> jax.Array:
    config.expect(tie_word_embeddings=True)
    x = encoder(scope / "electra", config, inputs, forms).astype(jnp.float32)
    head = scope / "generator_predictions"
    x = nn.activation("gelu")(nn.dense(head / "dense", x, config["embedding_size"]))
    x = nn.layer_norm(head / "LayerNorm", x, config.get("layer_norm_eps", 1e-12))
    words = nn.tied(head, x, word_table(scope / "electra", config))
    return words + (scope / "generator_lm_head").weight("bias", config["vocab_size"])


_POOLER = (r"(.*\.)?pooler\..*",)
# Positions as a buffer; matrices and biases that are tied to others; TensorFlow's names of norms.
_UNUSED = (r".*position_ids", r"cls\.predictions\.decoder\..*", r"cls\.seq_relationship\..*")
_NORMS = {r"\.LayerNorm\.gamma$": ".LayerNorm.weight", r"\.LayerNorm\.beta$": ".LayerNorm.bias"}

# By the ends of classes' names.
HEADS: dict[str, Task] = {
    "Model": "feature-extraction",
    "ForSequenceClassification": "text-classification",
    "ForTokenClassification": "token-classification",
    "ForQuestionAnswering": "question-answering",
    "ForMaskedLM": "fill-mask",
}

BERT = Family(
    variants={
        "feature-extraction": Variant(embedding("bert", encoder), Text(types=True), _POOLER),
        "text-classification": Variant(_bert_classes, Text(types=True)),
        "token-classification": Variant(labelled("bert", encoder), Text(types=True), _POOLER),
        "question-answering": Variant(answering("bert", encoder), Text(types=True), _POOLER),
        "fill-mask": Variant(_bert_words, Text(types=True), _POOLER),
    },
    architectures={f"Bert{head}": task for head, task in HEADS.items()} | {"BertForPreTraining": "fill-mask"},
    prefix="bert",
    layers=("bert.encoder",),
    small_fraction=8,
    unused=_UNUSED,
    renamed=_NORMS,
)

# XLM-RoBERTa and CamemBERT are RoBERTa with other words.
_LIKE_ROBERTA = ("Roberta", "XLMRoberta", "Camembert")

ROBERTA = Family(
    variants={
        "feature-extraction": Variant(embedding("roberta", roberta), Text(), _POOLER),
        "text-classification": Variant(_roberta_classes, Text(), _POOLER),
        "token-classification": Variant(labelled("roberta", roberta), Text(), _POOLER),
        "question-answering": Variant(answering("roberta", roberta), Text(), _POOLER),
        "fill-mask": Variant(_roberta_words, Text(), _POOLER),
    },
    architectures={f"{name}{head}": task for name in _LIKE_ROBERTA for head, task in HEADS.items()},
    prefix="roberta",
    layers=("roberta.encoder",),
    small_fraction=8,
    positions=lambda config: config["max_position_embeddings"] - config["pad_token_id"] - 1,
    unused=(r".*position_ids", r"lm_head\.decoder\..*"),
    renamed=_NORMS,
)

ELECTRA = Family(
    variants={
        "feature-extraction": Variant(embedding("electra", encoder), Text(types=True)),
        "text-classification": Variant(_electra_classes, Text(types=True)),
        "token-classification": Variant(labelled("electra", encoder), Text(types=True)),
        "question-answering": Variant(answering("electra", encoder), Text(types=True)),
        "fill-mask": Variant(_electra_words, Text(types=True)),
    },
    architectures={f"Electra{head}": task for head, task in HEADS.items()},
    prefix="electra",
    layers=("electra.encoder",),
    small_fraction=8,
    unused=(r".*position_ids", r"generator_lm_head\.weight"),
    renamed=_NORMS,
)
