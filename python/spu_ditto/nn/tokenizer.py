"""Texts to numbers of tokens, by the tokenizer.json of a directory."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tokenizers

from spu_ditto.errors import UnsupportedError

_FILES = ("vocab.txt", "vocab.json", "spiece.model", "sentencepiece.bpe.model")


class Tokenizer:
    """A fast tokenizer that pads on the right and cuts to a length.

    Args:
        text: what is in a tokenizer.json.
        pad_id: what stands where there is no token.
    """

    def __init__(self, text: str, pad_id: int) -> None:
        self.text, self._pad_id = text, pad_id
        self._whole = self._made()

    @staticmethod
    def of(directory: Path, pad_id: int | None) -> Tokenizer | None:
        """The tokenizer of a directory; None if there is none.

        Raises:
            UnsupportedError: there is a slow one only, and transformers is not installed to convert it.
        """
        if (directory / "tokenizer.json").is_file():
            return Tokenizer((directory / "tokenizer.json").read_text(), pad_id or 0)
        if not any((directory / name).is_file() for name in _FILES):
            return None
        try:
            from transformers import AutoTokenizer
        except ImportError as error:
            raise UnsupportedError(
                f"{directory} has no tokenizer.json, and transformers is not installed to make one of what it has"
            ) from error
        return Tokenizer(AutoTokenizer.from_pretrained(directory).backend_tokenizer.to_str(), pad_id or 0)

    def _made(self) -> Any:
        made = tokenizers.Tokenizer.from_str(self.text)
        made.no_padding()
        made.no_truncation()
        return made

    @functools.cache  # noqa: B019
    def _cut_to(self, length: int) -> Any:
        made = self._made()
        made.enable_truncation(length)
        return made

    def __call__(
        self, texts: Sequence[str], pairs: Sequence[str] | None, length: int
    ) -> dict[str, np.ndarray[Any, Any]]:
        """int32 `input_ids`, `attention_mask` and `token_type_ids`, each [texts, length]."""
        given = list(texts) if pairs is None else list(zip(texts, pairs, strict=True))
        encoded = self._cut_to(length).encode_batch(given)

        def padded(rows: list[list[int]], with_: int) -> np.ndarray[Any, Any]:
            return np.array([row + [with_] * (length - len(row)) for row in rows], np.int32).reshape(-1, length)

        return {
            "input_ids": padded([e.ids for e in encoded], self._pad_id),
            "attention_mask": padded([e.attention_mask for e in encoded], 0),
            "token_type_ids": padded([e.type_ids for e in encoded], 0),
        }

    def tokens(self, text: str, pair: str | None = None) -> Any:
        """The whole encoding of a text, as the library `tokenizers` gives it: ids, tokens, offsets."""
        return self._whole.encode(text, pair)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of some tokens, without special ones."""
        return str(self._whole.decode([int(i) for i in ids]))

    def id_of(self, token: str) -> int | None:
        """The number of a token; None if there is none."""
        found = self._whole.token_to_id(token)
        return None if found is None else int(found)


def special_token(directory: Path, name: str) -> str | None:
    """What a directory calls a special token such as "mask_token"; None if it has none."""
    for file in ("tokenizer_config.json", "special_tokens_map.json"):
        if (directory / file).is_file():
            token = json.loads((directory / file).read_text()).get(name)
            if token is not None:
                return str(token["content"] if isinstance(token, dict) else token)
    return None
