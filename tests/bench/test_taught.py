"""What students are worth: run folders are found by what was asked for, made where there are none, and gone on with."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bench import glue
from spu_ditto.data.sentiment import Labelled
from spu_ditto.distill import run
from spu_ditto.distill.recipe import RECIPES, Recipe, Stage

MODEL = Path(__file__).parents[1] / "nn" / "models" / "bert-sequence"
LABELS = ("negative", "neutral", "positive")
QUICK = Recipe(
    attention="raw",
    activation="quad",
    fitted=False,
    stages=(Stage(steps=2, batch=8, rate=1e-4, logits=1.0),),
    source="a test",
)


@pytest.fixture
def taught(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module, which imports its neighbours as scripts do."""
    monkeypatch.syspath_prepend(str(Path(glue.__file__).parent))
    return importlib.import_module("taught")


def left_by(folder: Path, rows: Any, **changes: Any) -> None:
    """A run folder as `distill` leaves it; without results where `rows` is None."""
    recipe = {**RECIPES["ditto"].model_dump(mode="json"), "source": "told otherwise"}
    asked = {"teacher": "minilm", "task": "sentiment", "seq_len": 32, "seed": 0, "recipe": recipe, **changes}
    folder.mkdir(parents=True)
    (folder / "recipe.json").write_text(json.dumps(asked))
    if rows is not None:
        (folder / "results.json").write_text(json.dumps(rows))


def test_a_run_is_known_by_what_was_asked_for(tmp_path: Path, taught: ModuleType) -> None:
    runs = taught.Runs(tmp_path)
    left_by(tmp_path / "a", [{"plain": 0.1}], seq_len=16)
    left_by(tmp_path / "b", [{"plain": 0.2}], recipe=RECIPES["mpcformer"].model_dump(mode="json"))
    assert runs.results(RECIPES["ditto"]) is None and runs.teacher() is None
    left_by(tmp_path / "c", [{"plain": 0.3}])
    assert runs.results(RECIPES["ditto"]) == [{"plain": 0.3}]
    assert runs.results(RECIPES["mpcformer"]) == [{"plain": 0.2}]
    (tmp_path / "b" / "teacher").mkdir()
    assert runs.teacher() is None
    (tmp_path / "b" / "teacher" / "config.json").write_text("{}")
    assert runs.teacher() == tmp_path / "b" / "teacher"


def test_a_run_without_results_has_none(tmp_path: Path, taught: ModuleType) -> None:
    left_by(tmp_path / "a", None)
    assert taught.Runs(tmp_path).results(RECIPES["ditto"]) is None


def test_what_is_missing_is_distilled_once(tmp_path: Path, taught: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def little(split: str) -> Labelled:
        texts = tuple(f"{split} the cat {does}" for does in ("sleeps", "runs far away", "sings", "is reading") * 2)
        return Labelled(texts, tuple(n % 3 for n in range(len(texts))))

    monkeypatch.setitem(run.TASKS, "little", (little, LABELS))
    monkeypatch.setattr(run, "_CALIBRATE_ON", 2)
    for name, value in (("_TEACHER", MODEL), ("_TASK", "little"), ("_SEQ_LEN", 8)):
        monkeypatch.setattr(taught, name, value)
    runs = taught.Runs(tmp_path)
    rows = runs.distilled("new", QUICK)
    assert [row["name"] for row in rows] == ["teacher", "student, untrained", "student, stage 1 of 1"]
    assert (tmp_path / "new" / "student" / "model.safetensors").is_file()
    lines = (tmp_path / "new" / "metrics.jsonl").read_text()
    # Interrupted before its results were written, and asked for by a recipe that is told otherwise.
    (tmp_path / "new" / "results.json").unlink()
    again = runs.distilled("other", QUICK.model_copy(update={"source": "another test"}))
    assert [row["plain"] for row in again] == [row["plain"] for row in rows]
    assert (tmp_path / "new" / "metrics.jsonl").read_text() == lines and not (tmp_path / "other").exists()
