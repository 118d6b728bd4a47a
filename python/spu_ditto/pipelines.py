"""From a text or a picture to an answer, as transformers' pipelines, with the model and its input secret.

classify = spu_ditto.pipeline("text-classification", "path/of/a/model")
classify("What a lovely day.")                    # [{"label": "positive", "score": 0.98}]
with spu_ditto.processes():                       # three processes, or connect(...), instead of threads
    classify("What a lovely day.")
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import spu_ditto
from ditto.parties.texts import TEXT_TASKS, TextPipeline, Tokenizer, label_of, softmax
from spu_ditto import models
from spu_ditto.errors import UnsupportedError
from spu_ditto.nn.family import Task

Array = np.ndarray[Any, Any]

_SHORTEST, _BEST = 8, 5
# Where neither the model nor anything else limits texts.
_LONGEST = 512


class _Secure:
    """A model whose weights are shared once, compiled for each shape of its inputs."""

    def __init__(self, model: models.Model) -> None:
        self._secure = spu_ditto.compile(model.apply, fraction_bits=model.fraction_bits)
        self._weights = spu_ditto.share(model.params)
        self._names = tuple(model.make_inputs(seq_len=1))

    def __call__(self, inputs: Mapping[str, Array]) -> Array:
        return np.asarray(self._secure(self._weights, {name: inputs[name] for name in self._names}))


def pipeline(task: Task | None = None, model: str | Path | models.Model = "minilm", **options: Any) -> Any:
    """A function that answers as transformers' pipeline for the task does.

    Texts are padded to the next of 8, 16, 32, ... tokens: that much of their length the parties see.

    Args:
        task: what the model is for; what its configuration says, if not given.
        model: as `models.load` takes it, or what that gave.
        options: of `models.load`.

    Returns:
        For the tasks of `TextPipeline`, that; texts are called one by one.
        "text-generation", "text2text-generation": a function of a text and `max_new_tokens=20`, which gives
        [{"generated_text"}]: at every step the likeliest token. Each step is a run, whose result the caller learns.
        "image-classification": a function of pictures (uint8 [height, width, channels]); the five best
        {"label", "score"}. "image-feature-extraction": an embedding [width].
        "zero-shot-image-classification": a function of a picture and `candidate_labels`, all {"score", "label"}.

    Raises:
        UnsupportedError: there is no such model, it is not for this task, or has no tokenizer or image processor.
    """
    loaded = model if isinstance(model, models.Model) else models.load(model, task=task, **options)
    if task is not None and loaded.task != task:
        raise UnsupportedError(f"{loaded!r} does not do {task}; load it with task={task!r}")
    run = _Secure(loaded)
    if loaded.task in TEXT_TASKS:
        return TextPipeline(loaded.task, loaded.labels, _tokenizer(loaded), _lengths(loaded), run)
    made = {
        "text-generation": _Generation,
        "text2text-generation": _Generation,
        "image-classification": _Images,
        "image-feature-extraction": _Images,
        "zero-shot-image-classification": _ZeroShot,
    }
    if loaded.task not in made:
        raise UnsupportedError(f"there is no pipeline for {loaded.task}; use models.load and apply")
    return made[loaded.task](loaded, run)


def _tokenizer(model: models.Model) -> Tokenizer:
    if model.tokenizer is None:
        raise UnsupportedError(f"there is no tokenizer in the directory of {model.name}")
    return model.tokenizer


def _lengths(model: models.Model) -> list[int]:
    longest = model.positions or _LONGEST
    lengths = [_SHORTEST]
    while lengths[-1] < longest:
        lengths.append(min(2 * lengths[-1], longest))
    return [length for length in lengths if length <= longest] or [longest]


def _bucket(model: models.Model, tokens: int) -> int:
    fitting = [length for length in _lengths(model) if length >= tokens]
    if not fitting:
        raise UnsupportedError(f"{tokens} tokens are more than the {_lengths(model)[-1]} of {model.name}")
    return fitting[0]


class _Generation:
    """Goes on with a text, or answers it, token by token."""

    def __init__(self, model: models.Model, run: _Secure) -> None:
        self._model, self._run, self._tokenizer = model, run, _tokenizer(model)

    def __call__(self, text: str | Sequence[str], max_new_tokens: int = 20) -> list[Any]:
        if not isinstance(text, str):
            return [self(one, max_new_tokens) for one in text]
        ids = list(self._tokenizer.encoding(text).ids)
        ends = self._model.config.get("eos_token_id")
        stops = set(ends if isinstance(ends, list) else [ends])
        if self._model.task == "text-generation":
            given, inputs = ids, self._inputs(ids, len(ids) + max_new_tokens)
            names = ["input_ids", "attention_mask"]
        else:
            given = [int(self._model.config["decoder_start_token_id"])]
            inputs = self._inputs(ids, len(ids))
            inputs["decoder_input_ids"] = np.zeros((1, _bucket(self._model, 1 + max_new_tokens)), np.int32)
            inputs["decoder_input_ids"][0, 0] = given[0]
            names = ["decoder_input_ids"]
        said = list(given)
        for _ in range(max_new_tokens):
            token = int(self._run(inputs)[0, len(said) - 1].argmax())
            if token in stops:
                break
            for name, value in zip(names, (token, 1)):
                inputs[name][0, len(said)] = value
            said.append(token)
        own = said[len(given) :] if self._model.task == "text2text-generation" else said
        return [{"generated_text": self._tokenizer.decode(own)}]

    def _inputs(self, ids: Sequence[int], tokens: int) -> dict[str, Array]:
        length = _bucket(self._model, tokens)
        row = np.array([[*ids, *[self._tokenizer.pad_id] * (length - len(ids))]], np.int32)
        return {"input_ids": row, "attention_mask": (np.arange(length) < len(ids)).astype(np.int32)[None]}


class _Images:
    """Labels or embeddings of pictures."""

    def __init__(self, model: models.Model, run: _Secure) -> None:
        self._model, self._run = model, run

    def __call__(self, image: Any) -> Any:
        if isinstance(image, list | tuple):
            return [self(one) for one in image]
        result = self._run(self._model.encode_images(image))[0]
        if self._model.task == "image-feature-extraction":
            return result
        assert self._model.labels is not None
        if len(result) == 1:
            return [label_of(result, self._model.labels)]
        chances = softmax(result)
        return [
            {"label": self._model.labels[n], "score": float(chances[n])} for n in np.argsort(-chances)[:_BEST].tolist()
        ]


class _ZeroShot:
    """Which of some texts fits a picture."""

    def __init__(self, model: models.Model, run: _Secure) -> None:
        self._model, self._run, self._tokenizer = model, run, _tokenizer(model)

    def __call__(
        self, image: Any, candidate_labels: Sequence[str], hypothesis_template: str = "This is a photo of {}."
    ) -> list[dict[str, Any]]:
        texts = [hypothesis_template.format(label) for label in candidate_labels]
        encoded = [self._tokenizer.encoding(text) for text in texts]
        length = _bucket(self._model, max(len(one.ids) for one in encoded))
        inputs = {**self._tokenizer.padded(encoded, length), **self._model.encode_images(image)}
        chances = softmax(self._run(inputs)[0])
        found = [{"score": float(chance), "label": label} for chance, label in zip(chances, candidate_labels)]
        return sorted(found, key=lambda one: float(one["score"]), reverse=True)
