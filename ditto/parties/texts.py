"""Texts to numbers of tokens, and results back to what a person asked for, as in transformers' pipelines.

What is computed here is computed in the clear, by who owns both the text and the results.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, get_args

import numpy as np

from ditto.errors import UnsupportedError

Array = np.ndarray[Any, Any]
TextTask = Literal[
    "text-classification", "token-classification", "question-answering", "fill-mask", "feature-extraction"
]
TEXT_TASKS: tuple[TextTask, ...] = get_args(TextTask)

_MASKS = ("[MASK]", "<mask>")
# Of an answer, as transformers has it.
_LONGEST_ANSWER = 15
_FILLINGS = 5


class Tokenizer:
    """A fast tokenizer that pads on the right and cuts to a length. Threads may share it.

    Args:
        text: what is in a tokenizer.json.
        pad_id: what stands where there is no token.

    Raises:
        ImportError: the package `tokenizers` is not there.
    """

    def __init__(self, text: str, pad_id: int = 0) -> None:
        self.text, self.pad_id = text, pad_id
        self._whole = self._made()

    def _made(self) -> Any:
        import tokenizers

        made = tokenizers.Tokenizer.from_str(self.text)
        made.no_padding()
        made.no_truncation()
        return made

    @functools.cache  # noqa: B019
    def _cut_to(self, length: int) -> Any:
        made = self._made()
        made.enable_truncation(length)
        return made

    def __call__(self, texts: Sequence[str], pairs: Sequence[str] | None, length: int) -> dict[str, Array]:
        """int32 `input_ids`, `attention_mask` and `token_type_ids`, each [texts, length]."""
        given = list(texts) if pairs is None else list(zip(texts, pairs, strict=True))
        return self.padded(self._cut_to(length).encode_batch(given), length)

    def padded(self, encoded: Sequence[Any], length: int) -> dict[str, Array]:
        """Encodings as arrays, see above."""

        def rows(of: Callable[[Any], list[int]], rest: int) -> Array:
            filled = [of(one) + [rest] * (length - len(of(one))) for one in encoded]
            return np.array(filled, np.int32).reshape(len(encoded), length)

        return {
            "input_ids": rows(lambda e: e.ids, self.pad_id),
            "attention_mask": rows(lambda e: e.attention_mask, 0),
            "token_type_ids": rows(lambda e: e.type_ids, 0),
        }

    def encoding(self, text: str, pair: str | None = None) -> Any:
        """The whole encoding of a text or of two, as the library `tokenizers` gives it: ids, tokens, offsets."""
        return self._whole.encode(text, pair)

    def decode(self, ids: Sequence[int], *, special: bool = False) -> str:
        """The text of some tokens, without special ones unless they are asked for."""
        return str(self._whole.decode([int(i) for i in ids], skip_special_tokens=not special))

    @property
    def mask_id(self) -> int:
        """The number of the token that stands for a word to be found. Raises UnsupportedError if there is none."""
        found = [n for n in map(self._whole.token_to_id, _MASKS) if n is not None]
        if not found:
            raise UnsupportedError(f"the tokenizer has no token for a word to be found: none of {', '.join(_MASKS)}")
        return int(found[0])


def softmax(scores: Array) -> Array:
    """Over the last axis, in float64."""
    weights = np.exp(np.asarray(scores, np.float64) - np.max(scores, axis=-1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


def label_of(scores: Array, labels: Sequence[str] | None) -> dict[str, Any]:
    """The best class of logits [classes], and its probability; of one class alone, that of a yes."""
    if len(scores) == 1:
        return {"label": _label(0, labels), "score": 1 / (1 + math.exp(-float(scores[0])))}
    chances = softmax(scores)
    best = int(chances.argmax())
    return {"label": _label(best, labels), "score": float(chances[best])}


def _label(number: int, labels: Sequence[str] | None) -> str:
    return labels[number] if labels else f"LABEL_{number}"


class TextPipeline:
    """A function of texts, as transformers' pipelines are.

    "text-classification"    [{"label", "score"}]
    "token-classification"   a list of {"entity", "score", "index", "word", "start", "end"}, without the label "O"
    "question-answering"     {"score", "start", "end", "answer"}; called with question= and context=
    "fill-mask"              the five best {"score", "token", "token_str", "sequence"}
    "feature-extraction"     an embedding [width]

    For a list of texts it gives a list of these; of classifications one each.

    Args:
        lengths: how many tokens the programs take.
        run: given inputs by their names, each [1, tokens], gives the result for them.
    """

    def __init__(
        self,
        task: TextTask,
        labels: Sequence[str] | None,
        tokenizer: Tokenizer,
        lengths: Sequence[int],
        run: Callable[[Mapping[str, Array]], Array],
    ) -> None:
        if task not in TEXT_TASKS:
            raise UnsupportedError(f"there is no pipeline for {task}; there are {', '.join(TEXT_TASKS)}")
        self.task, self._labels, self._tokenizer, self._run = task, labels, tokenizer, run
        self._lengths = sorted(lengths)

    def __call__(
        self,
        text: str | Sequence[str] | None = None,
        pair: str | None = None,
        *,
        question: str | None = None,
        context: str | None = None,
    ) -> Any:
        """Raises UnsupportedError for a text of more tokens than there is a program for."""
        if self.task == "question-answering":
            if question is None or context is None:
                raise UnsupportedError("question-answering is called with question=... and context=...")
            return self._answer(question, context)
        if text is None:
            raise UnsupportedError(f"{self.task} is called with a text")
        if not isinstance(text, str):
            answers = [self(one) for one in text]
            return [answer for (answer,) in answers] if self.task == "text-classification" else answers
        encoding = self._tokenizer.encoding(text, pair)
        result = self._result(encoding)
        if self.task == "text-classification":
            return [label_of(result, self._labels)]
        if self.task == "token-classification":
            return self._entities(encoding, result, text)
        if self.task == "fill-mask":
            return self._fillings(encoding, result)
        return result

    def _result(self, encoding: Any) -> Array:
        """The result for a text, without the axis of batches."""
        tokens = len(encoding.ids)
        fitting = [length for length in self._lengths if length >= tokens]
        if not fitting:
            raise UnsupportedError(
                f"the text has {tokens} tokens, and {self._lengths[-1]} are the most that there is a program for; "
                "shorten it, or take it in parts"
            )
        result: Array = self._run(self._tokenizer.padded([encoding], fitting[0]))[0]
        return result

    def _entities(self, encoding: Any, scores: Array, text: str) -> list[dict[str, Any]]:
        found = []
        for index, (chances, special) in enumerate(zip(softmax(scores), encoding.special_tokens_mask)):
            best = int(chances.argmax())
            if special or _label(best, self._labels) == "O":
                continue
            start, end = encoding.offsets[index]
            found.append(
                {
                    "entity": _label(best, self._labels),
                    "score": float(chances[best]),
                    "index": index,
                    "word": encoding.tokens[index],
                    "start": start,
                    "end": end,
                }
            )
        return found

    def _answer(self, question: str, context: str) -> dict[str, Any]:
        encoding = self._tokenizer.encoding(question, context)
        scores = self._result(encoding)[: len(encoding.ids)]
        places = np.array([sequence == 1 for sequence in encoding.sequence_ids])
        # The first token stands for no answer: it takes its part of the probabilities, and is not chosen.
        counted = places | (np.arange(len(places)) == 0)
        first, last = softmax(np.where(counted[:, None], scores, -np.inf).T) * places
        lengths = np.arange(len(places))[None, :] - np.arange(len(places))[:, None]
        chances = np.where((lengths >= 0) & (lengths < _LONGEST_ANSWER), first[:, None] * last[None, :], 0)
        begin, finish = np.unravel_index(int(chances.argmax()), chances.shape)
        # Whole words.
        start = encoding.word_to_chars(encoding.token_to_word(begin), 1)[0]
        end = encoding.word_to_chars(encoding.token_to_word(finish), 1)[1]
        return {"score": float(chances[begin, finish]), "start": start, "end": end, "answer": context[start:end]}

    def _fillings(self, encoding: Any, scores: Array) -> list[dict[str, Any]]:
        places = [n for n, token in enumerate(encoding.ids) if token == self._tokenizer.mask_id]
        if len(places) != 1:
            raise UnsupportedError(f"fill-mask takes a text with one word to be found, not {len(places)}")
        chances = softmax(scores[places[0]])
        found = []
        for token in (int(n) for n in np.argsort(-chances)[:_FILLINGS]):
            ids = [*encoding.ids[: places[0]], token, *encoding.ids[places[0] + 1 :]]
            word, sequence = self._tokenizer.decode([token], special=True), self._tokenizer.decode(ids)
            found.append({"score": float(chances[token]), "token": token, "token_str": word, "sequence": sequence})
        return found
