"""Which models there are: families by the `model_type` of their configurations."""

from __future__ import annotations

from spu_ditto.errors import UnsupportedError
from spu_ditto.nn.albert import ALBERT
from spu_ditto.nn.bart import BART, WHISPER
from spu_ditto.nn.beit import BEIT
from spu_ditto.nn.bert import BERT, ELECTRA, ROBERTA
from spu_ditto.nn.clip import CLIP
from spu_ditto.nn.config import Config
from spu_ditto.nn.distilbert import DISTILBERT
from spu_ditto.nn.family import Family, Task
from spu_ditto.nn.gpt2 import GPT2
from spu_ditto.nn.gpt_neo import GPT_NEO
from spu_ditto.nn.llama import GEMMA, LLAMA, MISTRAL, QWEN2
from spu_ditto.nn.opt import OPT
from spu_ditto.nn.resnet import RESNET
from spu_ditto.nn.t5 import T5
from spu_ditto.nn.vit import DEIT, VIT

FAMILIES: dict[str, Family] = {
    "albert": ALBERT,
    "bart": BART,
    "beit": BEIT,
    "bert": BERT,
    "camembert": ROBERTA,
    "clip": CLIP,
    "deit": DEIT,
    "distilbert": DISTILBERT,
    "electra": ELECTRA,
    "gemma": GEMMA,
    "gpt2": GPT2,
    "gpt_neo": GPT_NEO,
    "llama": LLAMA,
    "mistral": MISTRAL,
    "opt": OPT,
    "qwen2": QWEN2,
    "resnet": RESNET,
    "roberta": ROBERTA,
    "t5": T5,
    "vit": VIT,
    "whisper": WHISPER,
    "xlm-roberta": ROBERTA,
}


def family_of(config: Config) -> Family:
    """The family of a configuration. Raises UnsupportedError if there is none."""
    model_type = config["model_type"]
    if model_type not in FAMILIES:
        raise UnsupportedError(f"models of type {model_type} are not supported; there are {', '.join(FAMILIES)}")
    return FAMILIES[model_type]


def task_of(config: Config, family: Family) -> Task:
    """The task of the class that a configuration names.

    Raises:
        UnsupportedError: it names none, or one that is not supported.
    """
    named = config.get("architectures") or []
    known = [family.architectures[name] for name in named if name in family.architectures]
    if known:
        return known[0]
    told = f"{config['model_type']} as {named[0]} is not supported" if named else "the configuration names no class"
    supported = ", ".join(f"{name} ({task})" for name, task in family.architectures.items())
    raise UnsupportedError(f"{told}; state the task, one of {', '.join(family.variants)}; known are {supported}")
