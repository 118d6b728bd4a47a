"""What students are worth: from the folders that `spu-ditto distill` has left, or made now.

All are of MiniLM on rated sentences of film reviews, with recipes' own numbers of steps.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from output import say

from spu_ditto import models
from spu_ditto.data.sentiment import sentiment
from spu_ditto.distill import distill
from spu_ditto.distill.recipe import Recipe
from spu_ditto.distill.trainer import Data, accuracy, predictions

_TEACHER, _TASK, _SEQ_LEN, _SEED = "minilm", "sentiment", 32, 0


@dataclass(frozen=True)
class Runs:
    """A folder of run folders.

    Attributes:
        folder: where they are, and where new ones are made.
    """

    folder: Path

    def teacher(self) -> Path | None:
        """The classifier that students are made of: `teacher`, or the first that a run has trained."""
        for place in (self.folder / "teacher", *(run / "teacher" for run, _ in self._runs())):
            if (place / "config.json").is_file():
                return place
        return None

    def results(self, made: Recipe) -> list[dict[str, Any]] | None:
        """The rows of a finished run of this recipe: teacher, untrained student, student after each stage."""
        found = self._of(made)
        return None if found is None else _results_in(found[0])

    def distilled(self, name: str, made: Recipe) -> list[dict[str, Any]]:
        """The same, made now if there is none; one that was interrupted goes on.

        Args:
            name: of the new folder.
        """
        found = self._of(made)
        if found is not None and (rows := _results_in(found[0])) is not None:
            return rows
        if found is None:
            place, teacher = self.folder / name, str(self.teacher() or _TEACHER)
        else:
            # As it began: what a recipe is from may be told in other words.
            place, teacher, made = found[0], found[1]["teacher"], Recipe.model_validate(found[1]["recipe"])
        distill(teacher, _TASK, made, place, seq_len=_SEQ_LEN, seed=_SEED, told=lambda text: say(f"{name}: {text}"))
        rows = _results_in(place)
        assert rows is not None
        return rows

    def _of(self, made: Recipe) -> tuple[Path, dict[str, Any]] | None:
        for run, asked in self._runs():
            settings = asked.get("task"), asked.get("seq_len"), asked.get("seed")
            # What had no name yet when the run was made was as it is by default.
            known = Recipe.model_validate(asked["recipe"])
            if settings == (_TASK, _SEQ_LEN, _SEED) and _without_source(known) == _without_source(made):
                return run, asked
        return None

    def _runs(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        for path in sorted(self.folder.glob("*/recipe.json")):
            asked = json.loads(path.read_text())
            # A search has another.
            if "recipe" in asked:
                yield path.parent, asked


def _results_in(folder: Path) -> list[dict[str, Any]] | None:
    path = folder / "results.json"
    return json.loads(path.read_text()) if path.is_file() else None


def _without_source(made: Recipe) -> Recipe:
    return made.model_copy(update={"source": ""})


def texts_of(teacher: models.Model, split: Literal["train", "test"]) -> Data:
    """All texts to learn from, or to measure on. Raises UnsupportedError if they cannot be fetched."""
    found = sentiment(split)
    return Data(teacher.encode(found.texts, seq_len=_SEQ_LEN), np.array(found.labels))


def accuracy_of(model: models.Model, texts: Data) -> float:
    """The part of the texts that are right, in float32."""
    return accuracy(predictions(model, texts), texts.labels)
