"""Make tiny random Hugging Face model directories with PyTorch, and what the models answer.

Each entry becomes a directory OUT/<name> (name = family-task, such as bert-sequence) with config.json, the weights
and, for some, tokenizer files or preprocessor_config.json, all written by transformers' own `save_pretrained`. Beside
them lies expected.npz with

  input_<name>    each input that was given to the model (int32 for ids and masks, float32 for images and features),
  output_<name>   each output of the model in eval mode, float32, with eager attention,

and, where the directory has a tokenizer, `text` (strings), `output_input_ids_of_text` and
`output_attention_mask_of_text`: what the tokenizer makes of them. pipeline.json, where it is, holds the arguments and
the results of transformers' own pipeline with the directory.

Every parameter has noise added, so that no bias, norm, special embedding or relative bias is at its initial zero or
one; the same holds for the statistics of batch norms and for BART's final_logits_bias, which are buffers. Ids and
images are random too. The seed of an entry is made from its name, so entries do not change when others are added.

The outputs are those of the model that was saved. transformers 4.49's from_pretrained loses the bias of the ALBERT and
RoBERTa masked-language heads (it ties the loaded bias to one of zeros) unless low_cpu_mem_usage=True is given.

To run it (torchvision is not needed; pillow is, for the preprocessor files):

  pip install torch transformers==4.49.0 pillow
  python make_models.py OUT            # all entries
  python make_models.py OUT bert-qa    # only those named
"""

import argparse
import json
import math
import os
import shutil
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

os.environ["TOKENIZERS_PARALLELISM"] = "false"  # one thread, so that training a tokenizer is repeatable
os.environ["RAYON_NUM_THREADS"] = "1"

import numpy as np
import tokenizers as tk
import torch
import transformers as tf
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers.tokenization_utils_fast import PreTrainedTokenizerFast as Tokenizer

Arrays = dict[str, np.ndarray]

BATCH, LENGTH, PADDED, TARGET_LENGTH = 2, 8, 3, 5
HIDDEN, LAYERS, INTERMEDIATE, VOCAB, POSITIONS = 16, 2, 32, 48, 16
FIRST_ORDINARY_ID = 5  # the ids below it are kept for special tokens
NOISE = 0.15
INITIAL = 0.25  # the deviation of initial weights, large enough for attention that is far from even

SEQUENCE_LABELS = ("negative", "neutral", "positive")
TOKEN_LABELS = ("O", "PERSON", "PLACE", "THING")
IMAGE_LABELS = ("cat", "dog", "bird", "fish")

TEXTS = ("the cat sleeps", "a dog runs far away")
SENTENCES = (
    "The cat sleeps on the warm mat.",
    "A dog runs far away from the house.",
    "The small bird sings in the old tree.",
    "Two children are playing with a red ball.",
    "She reads a long book about the sea.",
    "He walked to the market and bought some bread.",
    "The rain was falling on the quiet town.",
    "We are sleeping while the dogs are running.",
    "The river runs from the hills to the sea.",
    "A good friend is far better than gold.",
    "They were singing and dancing all night long.",
    "My cat and your dog sleep in the same house.",
    "It's cold today, isn't it? Yes, very cold!",
)


@dataclass(frozen=True)
class Entry:
    """One directory to make: the class and configuration of a model, its inputs and the outputs to keep."""

    model: type[tf.PreTrainedModel]
    config: tf.PretrainedConfig
    inputs: Callable[[np.random.Generator, tf.PretrainedConfig], Arrays]
    outputs: tuple[str, ...]
    # The module of the model that is run, when it is not the whole model ("" is the whole).
    part: str = ""
    seed_name: str = ""  # the entry whose weights and inputs this one shares; its own when empty
    gain: float = 1.0  # a factor on weights of two or more dimensions
    half: bool = False
    save_options: dict[str, Any] = field(default_factory=dict)
    tokenizer: Tokenizer | None = None
    text_length: int = 8
    processor: Any = None


# Inputs


def ids(rng: np.random.Generator, config: tf.PretrainedConfig, length: int = LENGTH) -> np.ndarray:
    return rng.integers(FIRST_ORDINARY_ID, config.vocab_size, (BATCH, length), dtype=np.int32)


def text_inputs(rng: np.random.Generator, config: tf.PretrainedConfig) -> Arrays:
    """Ids and mask; the second row has padding on the right."""
    input_ids = ids(rng, config)
    mask = np.ones_like(input_ids)
    mask[1, -PADDED:] = 0
    pad = 0 if config.pad_token_id is None else config.pad_token_id
    return {"input_ids": np.where(mask == 1, input_ids, np.int32(pad)), "attention_mask": mask}


def segment_inputs(rng: np.random.Generator, config: tf.PretrainedConfig) -> Arrays:
    """As text_inputs, with two segments in each row."""
    arrays = text_inputs(rng, config)
    types = np.zeros_like(arrays["input_ids"])
    types[0, 5:] = 1
    types[1, 2:5] = 1
    return arrays | {"token_type_ids": types}


def eos_inputs(rng: np.random.Generator, config: tf.PretrainedConfig) -> Arrays:
    """As text_inputs, with the end-of-sequence token as the last of each row before the padding."""
    arrays = text_inputs(rng, config)
    arrays["input_ids"][0, -1] = config.eos_token_id
    arrays["input_ids"][1, -PADDED - 1] = config.eos_token_id
    return arrays


def seq2seq_inputs(rng: np.random.Generator, config: tf.PretrainedConfig) -> Arrays:
    arrays = text_inputs(rng, config)
    target = ids(rng, config, TARGET_LENGTH)
    target[:, 0] = config.decoder_start_token_id
    return arrays | {"decoder_input_ids": target, "decoder_attention_mask": np.ones_like(target)}


def normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return np.clip(rng.standard_normal(shape), -2, 2).astype(np.float32)


def image_inputs(rng: np.random.Generator, config: tf.PretrainedConfig) -> Arrays:
    size = config.image_size
    return {"pixel_values": normal(rng, BATCH, 3, size, size)}


def resnet_inputs(rng: np.random.Generator, config: tf.PretrainedConfig) -> Arrays:
    return {"pixel_values": normal(rng, BATCH, 3, 32, 32)}


def clip_inputs(rng: np.random.Generator, config: tf.PretrainedConfig) -> Arrays:
    """Ids that end with the end-of-text token; by the legacy rule (eos_token_id 2) that is the highest id."""
    text = config.text_config
    legacy = text.eos_token_id == 2
    end = text.vocab_size - 1 if legacy else text.eos_token_id
    arrays = text_inputs(rng, text)
    input_ids, mask = arrays["input_ids"], arrays["attention_mask"]
    input_ids[input_ids == end] = FIRST_ORDINARY_ID
    input_ids[0, -1] = end
    input_ids[1, -PADDED - 1] = end
    if legacy:  # the checkpoints of that time pad with the end-of-text token
        input_ids[mask == 0] = end
    else:  # a higher id than the end's, before it
        input_ids[:, 1] = text.vocab_size - 1
    return arrays | image_inputs(rng, config.vision_config)


def feature_inputs(rng: np.random.Generator, config: tf.PretrainedConfig) -> Arrays:
    return {"input_features": normal(rng, BATCH, config.num_mel_bins, 2 * config.max_source_positions)}


# Tokenizers


def learn(pieces: tk.Tokenizer, size: int) -> list[str]:
    """Train a tokenizer of BPE pieces on the sentences, and list the pieces.

    WordPiece and Unigram vocabularies are made of these too: their own trainers differ from run to run.
    """
    pieces.train_from_iterator(SENTENCES, trainers.BpeTrainer(vocab_size=size, show_progress=False))
    vocabulary = pieces.get_vocab()
    return sorted(vocabulary, key=lambda piece: vocabulary[piece])


def bert_tokenizer() -> Tokenizer:
    pieces = tk.Tokenizer(models.BPE())
    pieces.normalizer = normalizers.BertNormalizer(lowercase=True)
    pieces.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trained = learn(pieces, 70)
    ordered = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *trained, *(f"##{piece}" for piece in trained)]
    pieces.model = models.WordPiece({piece: i for i, piece in enumerate(ordered)}, unk_token="[UNK]")
    pieces.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    pieces.decoder = decoders.WordPiece(prefix="##")
    return tf.BertTokenizerFast(tokenizer_object=pieces, do_lower_case=True, model_max_length=POSITIONS)


def byte_level(special: list[str]) -> tk.Tokenizer:
    pieces = tk.Tokenizer(models.BPE())
    pieces.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    pieces.decoder = decoders.ByteLevel()
    pieces.post_processor = processors.ByteLevel(trim_offsets=False)
    trainer = trainers.BpeTrainer(
        vocab_size=280,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    pieces.train_from_iterator(SENTENCES, trainer)
    return pieces


def roberta_tokenizer() -> Tokenizer:
    pieces = byte_level(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    pieces.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    return tf.RobertaTokenizerFast(tokenizer_object=pieces, model_max_length=POSITIONS)


def gpt2_tokenizer() -> Tokenizer:
    return tf.GPT2TokenizerFast(tokenizer_object=byte_level(["<|endoftext|>"]), model_max_length=POSITIONS)


def t5_tokenizer() -> Tokenizer:
    pieces = tk.Tokenizer(models.BPE())
    pieces.normalizer = normalizers.NFKC()
    pieces.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    trained = learn(pieces, 80)
    counts = Counter(piece for sentence in SENTENCES for piece in pieces.encode(sentence).tokens)
    scores = [(piece, round(math.log((counts[piece] + 0.5) / counts.total()), 4)) for piece in trained]
    pieces.model = models.Unigram([("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *scores], unk_id=2)
    pieces.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)]
    )
    pieces.decoder = decoders.Metaspace()
    return tf.T5TokenizerFast(tokenizer_object=pieces, extra_ids=4, model_max_length=POSITIONS)


# Entries


def labels(names: tuple[str, ...]) -> dict[str, Any]:
    return {"id2label": dict(enumerate(names)), "label2id": {name: i for i, name in enumerate(names)}}


def rounded(tokenizer: Tokenizer) -> int:
    """A model's vocabulary for a tokenizer: a multiple of eight, as real models have a rounded one."""
    return -(-len(tokenizer) // 8) * 8


def encoder_entries() -> Iterator[tuple[str, Entry]]:
    common = {
        "vocab_size": VOCAB,
        "hidden_size": HIDDEN,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 2,
        "intermediate_size": INTERMEDIATE,
        "max_position_embeddings": POSITIONS,
        "initializer_range": INITIAL,
        "attn_implementation": "eager",
    }
    distil = {
        "vocab_size": VOCAB,
        "dim": HIDDEN,
        "n_layers": LAYERS,
        "n_heads": 2,
        "hidden_dim": INTERMEDIATE,
        "max_position_embeddings": POSITIONS,
        "initializer_range": INITIAL,
        "attn_implementation": "eager",
    }
    special = {"bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0}
    families: dict[str, tuple[str, type[tf.PretrainedConfig], dict[str, Any], Any, bool]] = {
        "bert": ("Bert", tf.BertConfig, common, segment_inputs, True),
        "roberta": (
            "Roberta",
            tf.RobertaConfig,
            common | {"max_position_embeddings": POSITIONS + 2, "type_vocab_size": 1, "layer_norm_eps": 1e-5},
            text_inputs,
            True,
        ),
        "distilbert": ("DistilBert", tf.DistilBertConfig, distil, text_inputs, False),
        "albert": ("Albert", tf.AlbertConfig, common | special | {"embedding_size": 8}, segment_inputs, True),
        "electra": ("Electra", tf.ElectraConfig, common | {"embedding_size": 8}, segment_inputs, False),
    }
    tasks: dict[str, tuple[str, dict[str, Any], tuple[str, ...]]] = {
        "sequence": ("ForSequenceClassification", labels(SEQUENCE_LABELS), ("logits",)),
        "token": ("ForTokenClassification", labels(TOKEN_LABELS), ("logits",)),
        "qa": ("ForQuestionAnswering", {}, ("start_logits", "end_logits")),
        "mlm": ("ForMaskedLM", {}, ("logits",)),
        "base": ("Model", {}, ("last_hidden_state",)),
    }
    made = {"bert": bert_tokenizer(), "roberta": roberta_tokenizer()}
    for family, (prefix, config, settings, inputs, pooled) in families.items():
        for task, (suffix, task_settings, outputs) in tasks.items():
            reads = task == "sequence" or (family == "bert" and task != "base")
            tokenizer = made.get(family) if reads else None
            size: dict[str, int] = {} if tokenizer is None else {"vocab_size": rounded(tokenizer)}
            yield (
                f"{family}-{task}",
                Entry(
                    getattr(tf, prefix + suffix),
                    config(**settings | task_settings | size),
                    inputs,
                    (*outputs, "pooler_output") if task == "base" and pooled else outputs,
                    tokenizer=tokenizer,
                    text_length=8 if family == "bert" else 16,
                ),
            )
    forms: dict[str, dict[str, Any]] = {
        "bin": {"save_options": {"safe_serialization": False}},
        "sharded": {"save_options": {"max_shard_size": "8KB"}},
        "half": {"half": True},
    }
    for form, options in forms.items():
        config = tf.BertConfig(**common | labels(SEQUENCE_LABELS) | {"vocab_size": rounded(made["bert"])})
        model = tf.BertForSequenceClassification
        yield f"bert-{form}", Entry(model, config, segment_inputs, ("logits",), seed_name="bert-sequence", **options)


def decoder_entries() -> Iterator[tuple[str, Entry]]:
    def entry(model: type[tf.PreTrainedModel], *outputs: str, **settings: Any) -> Entry:
        spread = "init_std" if model.config_class is tf.OPTConfig else "initializer_range"
        settings = {"vocab_size": VOCAB, spread: INITIAL, "attn_implementation": "eager"} | settings
        return Entry(model, model.config_class(**settings), text_inputs, outputs or ("logits",))

    gpt2 = {"n_embd": HIDDEN, "n_layer": LAYERS, "n_head": 2, "n_positions": POSITIONS, "n_inner": INTERMEDIATE}
    gpt2 |= {"bos_token_id": 0, "eos_token_id": 0}
    tokenizer = gpt2_tokenizer()
    causal = entry(tf.GPT2LMHeadModel, **gpt2, vocab_size=rounded(tokenizer))
    yield "gpt2-causal", replace(causal, tokenizer=tokenizer)
    yield "gpt2-base", entry(tf.GPT2Model, "last_hidden_state", **gpt2 | {"n_inner": None})
    yield (
        "gpt2-sequence",
        entry(tf.GPT2ForSequenceClassification, **gpt2, pad_token_id=0, **labels(SEQUENCE_LABELS)),
    )

    opt = {
        "hidden_size": HIDDEN,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 2,
        "ffn_dim": INTERMEDIATE,
        "max_position_embeddings": POSITIONS,
        "word_embed_proj_dim": HIDDEN,
    }
    yield "opt-causal", entry(tf.OPTForCausalLM, **opt, do_layer_norm_before=True)
    yield "opt-post", entry(tf.OPTForCausalLM, **opt | {"word_embed_proj_dim": 8}, do_layer_norm_before=False)

    yield (
        "gpt_neo-causal",
        entry(
            tf.GPTNeoForCausalLM,
            hidden_size=HIDDEN,
            num_layers=LAYERS,
            num_heads=2,
            intermediate_size=INTERMEDIATE,
            max_position_embeddings=POSITIONS,
            attention_types=[[["global", "local"], 1]],
            window_size=4,
            bos_token_id=0,
            eos_token_id=0,
        ),
    )

    llama = {
        "hidden_size": HIDDEN,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "intermediate_size": INTERMEDIATE,
        "max_position_embeddings": POSITIONS,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 0,
        "tie_word_embeddings": False,
    }
    rope3 = {
        # Its four frequencies (head size 8) are kept, blended, divided and divided by the scaling.
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "rope_theta": 100.0,
        "rope_scaling": {
            "rope_type": "llama3",
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 48,
        },
        "max_position_embeddings": 384,
    }
    yield "llama-causal", entry(tf.LlamaForCausalLM, **llama)
    yield "llama-tied", entry(tf.LlamaForCausalLM, **llama | {"tie_word_embeddings": True})
    yield "llama-rope3", entry(tf.LlamaForCausalLM, **llama | rope3)
    yield "llama-sequence", entry(tf.LlamaForSequenceClassification, **llama, **labels(SEQUENCE_LABELS))
    yield "qwen2-causal", entry(tf.Qwen2ForCausalLM, **llama | {"tie_word_embeddings": True})
    yield "mistral-causal", entry(tf.MistralForCausalLM, **llama, sliding_window=None)
    yield "mistral-window", entry(tf.MistralForCausalLM, **llama, sliding_window=4)
    gemma = {"num_key_value_heads": 1, "head_dim": 8, "tie_word_embeddings": True, "bos_token_id": 2, "eos_token_id": 1}
    yield "gemma-causal", entry(tf.GemmaForCausalLM, **llama | gemma)


def vision_entries() -> Iterator[tuple[str, Entry]]:
    vit = {
        "hidden_size": HIDDEN,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 2,
        "intermediate_size": INTERMEDIATE,
        "image_size": 16,
        "patch_size": 4,
        "initializer_range": INITIAL,
        "attn_implementation": "eager",
    }
    classes = labels(IMAGE_LABELS)
    square = {"height": 16, "width": 16}

    processor = tf.ViTImageProcessor(size=square)
    config = tf.ViTConfig(**vit, **classes)
    yield (
        "vit-image",
        Entry(tf.ViTForImageClassification, config, image_inputs, ("logits",), processor=processor),
    )
    outputs: tuple[str, ...] = ("last_hidden_state", "pooler_output")
    yield "vit-base", Entry(tf.ViTModel, tf.ViTConfig(**vit), image_inputs, outputs, processor=processor)

    deit_processor = tf.DeiTImageProcessor(size={"height": 18, "width": 18}, crop_size=square)
    yield (
        "deit-image",
        Entry(
            tf.DeiTForImageClassification,
            tf.DeiTConfig(**vit, **classes),
            image_inputs,
            ("logits",),
            processor=deit_processor,
        ),
    )
    yield (
        "deit-teacher",
        Entry(
            tf.DeiTForImageClassificationWithTeacher,
            tf.DeiTConfig(**vit, **classes),
            image_inputs,
            ("logits", "cls_logits", "distillation_logits"),
            processor=deit_processor,
        ),
    )
    config = tf.BeitConfig(
        **vit,
        **classes,
        use_relative_position_bias=True,
        use_mean_pooling=True,
        layer_scale_init_value=0.1,
        out_indices=[1],
    )
    yield (
        "beit-image",
        Entry(
            tf.BeitForImageClassification,
            config,
            image_inputs,
            ("logits",),
            processor=tf.BeitImageProcessor(size=square, crop_size=square, do_center_crop=False),
        ),
    )
    for name, layer in {"resnet-image": "basic", "resnet-bottleneck": "bottleneck"}.items():
        config = tf.ResNetConfig(
            embedding_size=8, hidden_sizes=[8, 16], depths=[1, 2], layer_type=layer, hidden_act="relu", **classes
        )
        yield (
            name,
            Entry(
                tf.ResNetForImageClassification,
                config,
                resnet_inputs,
                ("logits",),
                gain=0.75,  # batch norms with random statistics do not keep the scale
                processor=tf.ConvNextImageProcessor(size={"shortest_edge": 32}),
            ),
        )

    sizes = {key: vit[key] for key in vit if key.startswith(("hidden", "num", "intermediate"))}
    text = sizes | {"vocab_size": VOCAB, "max_position_embeddings": POSITIONS, "bos_token_id": 3, "pad_token_id": 1}
    image = sizes | {"image_size": 16, "patch_size": 4}
    # Old checkpoints have eos_token_id 2, which is not their end-of-text id: the highest id then marks the end.
    for name, end, layers in (("clip-model", 40, LAYERS), ("clip-legacy", 2, 1)):
        config = tf.CLIPConfig(
            text_config=text | {"eos_token_id": end, "num_hidden_layers": layers},
            vision_config=image | {"num_hidden_layers": layers},
            projection_dim=12,
            attn_implementation="eager",
        )
        yield (
            name,
            Entry(
                tf.CLIPModel,
                config,
                clip_inputs,
                ("image_embeds", "text_embeds", "logits_per_image"),
                processor=tf.CLIPImageProcessor(size={"shortest_edge": 16}, crop_size=square),
            ),
        )


def seq2seq_entries() -> Iterator[tuple[str, Entry]]:
    t5 = {
        "vocab_size": VOCAB,
        "d_model": HIDDEN,
        "d_ff": INTERMEDIATE,
        "num_layers": LAYERS,
        "num_heads": 4,
        "d_kv": 4,
        "relative_attention_num_buckets": 8,
        "relative_attention_max_distance": 16,
        "decoder_start_token_id": 0,
        "attn_implementation": "eager",
    }
    tokenizer = t5_tokenizer()
    config = tf.T5Config(**t5 | {"vocab_size": rounded(tokenizer)}, feed_forward_proj="relu")
    yield (
        "t5-lm",
        Entry(
            tf.T5ForConditionalGeneration,
            config,
            seq2seq_inputs,
            ("logits",),
            tokenizer=tokenizer,
            text_length=16,
        ),
    )
    # Heads times d_kv is 24 here, not the hidden size.
    config = tf.T5Config(**t5 | {"d_kv": 6}, feed_forward_proj="gated-gelu", tie_word_embeddings=False)
    yield "t5-gated", Entry(tf.T5ForConditionalGeneration, config, seq2seq_inputs, ("logits",))

    sizes = {
        "vocab_size": VOCAB,
        "d_model": HIDDEN,
        "encoder_layers": LAYERS,
        "decoder_layers": LAYERS,
        "encoder_attention_heads": 2,
        "decoder_attention_heads": 2,
        "encoder_ffn_dim": INTERMEDIATE,
        "decoder_ffn_dim": INTERMEDIATE,
        "init_std": INITIAL,
        "attn_implementation": "eager",
    }
    bart = sizes | {"max_position_embeddings": POSITIONS}
    yield "bart-lm", Entry(tf.BartForConditionalGeneration, tf.BartConfig(**bart), seq2seq_inputs, ("logits",))
    config = tf.BartConfig(**bart, **labels(SEQUENCE_LABELS))
    yield "bart-sequence", Entry(tf.BartForSequenceClassification, config, eos_inputs, ("logits",))

    config = tf.WhisperConfig(
        **sizes | {"decoder_layers": 1},
        num_mel_bins=8,
        max_source_positions=10,
        max_target_positions=POSITIONS,
        suppress_tokens=None,
        begin_suppress_tokens=None,
        pad_token_id=1,
        bos_token_id=2,
        eos_token_id=2,
        decoder_start_token_id=3,
    )
    yield (
        "whisper-encoder",
        Entry(tf.WhisperForConditionalGeneration, config, feature_inputs, ("last_hidden_state",), part="model.encoder"),
    )


def entries() -> dict[str, Entry]:
    return dict([*encoder_entries(), *decoder_entries(), *vision_entries(), *seq2seq_entries()])


# Making them


def build(entry: Entry, seed: int) -> tf.PreTrainedModel:
    """The model with noise in every parameter and in the buffers that are saved and not counters."""
    torch.manual_seed(seed)
    model = entry.model(entry.config).eval()
    for module in model.modules():
        if isinstance(module, tf.PreTrainedModel) and module.config._attn_implementation != "eager":
            raise ValueError(f"{type(module).__name__} does not have eager attention")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(NOISE * torch.randn(parameter.shape))
            if parameter.dim() > 1:
                parameter.mul_(entry.gain)
        for name, buffer in model.named_buffers():
            if name.endswith("running_mean"):
                buffer.copy_(0.2 * torch.randn(buffer.shape))
            elif name.endswith("running_var"):
                buffer.copy_(0.5 + torch.rand(buffer.shape))
            elif name.endswith("final_logits_bias"):
                buffer.copy_(NOISE * torch.randn(buffer.shape))
    model.tie_weights()
    return model


def answer(entry: Entry, model: tf.PreTrainedModel, inputs: Arrays) -> Arrays:
    tensors = {
        name: torch.from_numpy(array) if array.dtype == np.float32 else torch.from_numpy(array).long()
        for name, array in inputs.items()
    }
    module = model.get_submodule(entry.part)
    with torch.no_grad():
        outputs = module(**tensors)
    return {name: outputs[name].numpy() for name in entry.outputs}


def tokenize(tokenizer: Tokenizer, length: int) -> Arrays:
    """Both texts padded to the length, or only the first, without padding, where there is no padding token."""
    if tokenizer.pad_token is None:
        texts = list(TEXTS[:1])
        encoded = tokenizer(texts)
    else:
        texts = list(TEXTS)
        encoded = tokenizer(texts, padding="max_length", max_length=length, truncation=True)
    return {"text": np.array(texts)} | {
        f"output_{name}_of_text": np.array(encoded[name], dtype=np.int32) for name in ("input_ids", "attention_mask")
    }


GENERATED = {"max_new_tokens": 4, "do_sample": False, "num_beams": 1}
# By entry: a task, and what transformers' pipeline for it is called with.
PIPELINES: dict[str, tuple[str, dict[str, Any]]] = {
    "bert-sequence": ("text-classification", {"inputs": TEXTS[0]}),
    "bert-token": ("token-classification", {"inputs": "A dog runs far from Rome."}),
    "bert-qa": ("question-answering", {"question": "who sleeps", "context": "the cat sleeps on the mat"}),
    "bert-mlm": ("fill-mask", {"inputs": "the cat [MASK] on the mat"}),
    "roberta-sequence": ("text-classification", {"inputs": "the cat"}),
    "gpt2-causal": ("text-generation", {"text_inputs": "the cat", **GENERATED}),
    "t5-lm": ("text2text-generation", {"args": "the cat", **GENERATED}),
}


def piped(directory: Path, task: str, arguments: dict[str, Any]) -> Any:
    given = dict(arguments)
    first = [given.pop(name) for name in ("inputs", "text_inputs", "args") if name in given]
    return tf.pipeline(task, str(directory), device="cpu")(*first, **given)


def write(name: str, entry: Entry, directory: Path) -> None:
    seed = zlib.crc32((entry.seed_name or name).encode())
    model = build(entry, seed)
    inputs = entry.inputs(np.random.default_rng(seed), entry.config)
    if entry.half:
        model.half()
    model.save_pretrained(directory, **entry.save_options)
    model.float()
    expected: dict[str, Any] = {f"input_{key}": value for key, value in inputs.items()}
    expected |= {f"output_{key}": value for key, value in answer(entry, model, inputs).items()}
    if entry.tokenizer is not None:
        entry.tokenizer.save_pretrained(directory)
        expected |= tokenize(entry.tokenizer, entry.text_length)
    if entry.processor is not None:
        entry.processor.save_pretrained(directory)
    np.savez_compressed(directory / "expected.npz", **expected)
    if name in PIPELINES:
        task, arguments = PIPELINES[name]
        told = {"task": task, "arguments": arguments, "result": piped(directory, task, arguments)}
        (directory / "pipeline.json").write_text(json.dumps(told, indent=2, default=float) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description="Make tiny random Hugging Face model directories.")
    parser.add_argument("out", type=Path, metavar="OUT", help="the folder that gets a directory for each entry")
    parser.add_argument("names", nargs="*", metavar="NAME", help="the entries to make (all when none is given)")
    arguments = parser.parse_args()
    tf.logging.set_verbosity_error()
    known = entries()
    unknown = [name for name in arguments.names if name not in known]
    if unknown:
        parser.error(f"no such entries: {', '.join(unknown)}")
    for name in arguments.names or known:
        directory = arguments.out / name
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        write(name, known[name], directory)
        print(name)


if __name__ == "__main__":
    main()
