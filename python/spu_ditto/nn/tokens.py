"""The tokenizer of a directory."""

from __future__ import annotations

from pathlib import Path

from ditto.parties.texts import Tokenizer
from spu_ditto.errors import UnsupportedError

_SLOW = ("vocab.txt", "vocab.json", "spiece.model", "sentencepiece.bpe.model")


def tokenizer_of(directory: Path, pad_id: int | None) -> Tokenizer | None:
    """The tokenizer of a directory; None if there is none.

    Raises:
        UnsupportedError: there is a slow one only, and transformers is not installed to convert it.
    """
    if (directory / "tokenizer.json").is_file():
        return Tokenizer((directory / "tokenizer.json").read_text(), pad_id or 0)
    if not any((directory / name).is_file() for name in _SLOW):
        return None
    try:
        from transformers import AutoTokenizer
    except ImportError as error:
        raise UnsupportedError(
            f"{directory} has no tokenizer.json, and transformers is not installed to make one of what it has"
        ) from error
    return Tokenizer(AutoTokenizer.from_pretrained(directory).backend_tokenizer.to_str(), pad_id or 0)
