"""Sentences of film reviews, rated by people: 10,605 snippets with the means of twenty ratings, -4 to 4.

C. J. Hutto and E. Gilbert, "VADER: a parsimonious rule-based model for sentiment analysis of social media text" (ICWSM
2014), from the source archive of the package vaderSentiment 3.3.2 (MIT licence).
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from spu_ditto.data.packages import source_of

_PACKAGE = ("vaderSentiment", "3.3.2", "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9")
_INNER = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
_FILE = "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt"
# Of what people do not agree on nothing is to be learnt.
_DECIDED = 0.5

Split = Literal["train", "dev", "test"]


@dataclass(frozen=True)
class Labelled:
    """Texts and the numbers of their classes, 0 for negative and 1 for positive."""

    texts: tuple[str, ...]
    labels: tuple[int, ...]


LABELS = ("negative", "positive")


def sentiment(split: Split) -> Labelled:
    """Three quarters of the texts to train on, an eighth to choose by and an eighth to measure on, by their hashes.

    Raises:
        UnsupportedError: the package cannot be fetched.
    """
    rows = [(text, rating) for text, rating in _rated() if abs(rating) >= _DECIDED and _split(text) == split]
    return Labelled(tuple(text for text, _ in rows), tuple(int(rating > 0) for _, rating in rows))


def _split(text: str) -> Split:
    part = hashlib.sha256(text.encode()).digest()[0] % 8
    return "test" if part == 0 else "dev" if part == 1 else "train"


def _rated() -> Iterator[tuple[str, float]]:
    with tarfile.open(source_of(*_PACKAGE)) as outer:
        packed = outer.extractfile(_INNER)
        assert packed is not None
        with tarfile.open(fileobj=io.BytesIO(packed.read())) as inner:
            file = inner.extractfile(_FILE)
            assert file is not None
            for line in file.read().decode("latin-1").splitlines():
                _, rating, text = line.split("\t", 2)
                yield text, float(rating)
