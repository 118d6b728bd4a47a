"""bench/mpcformer_table.py as a user runs it, on a small layer; and its accuracies, of a tiny teacher on few texts."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from bench import glue
from spu_ditto.data.sentiment import Labelled
from spu_ditto.distill import run as distillation
from spu_ditto.distill.recipe import Recipe, Stage

SCRIPT = Path(glue.__file__).with_name("mpcformer_table.py")
MODEL = Path(__file__).parents[1] / "nn" / "models" / "bert-sequence"
LABELS = ("negative", "neutral", "positive")


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, which imports its neighbours as scripts do."""
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    return importlib.import_module("mpcformer_table")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True)


def test_stand_ins_beside_stock(tmp_path: Path) -> None:
    file, picture = tmp_path / "table.json", tmp_path / "table.png"
    done = run("--quick", "--json", str(file), "--plot", str(picture))
    assert done.returncode == 0, done.stderr
    result = json.loads(file.read_text())
    assert result["accuracies"] is None
    rows = {row["name"]: row for row in result["rows"]}
    rounds = {name: row["ours"]["rounds"] for name, row in rows.items()}
    assert rounds["2quad, quad"] < min(rounds["2quad, GELU"], rounds["2relu, quad"])
    assert max(rounds["2relu, quad"], rounds["2quad, GELU"]) < rounds["softmax, quad"] < rounds["softmax, GELU"]
    for row in rows.values():
        assert row["ours"]["measured"]["none"]["least"] > 0
        assert row["ours"]["predicted"]["WAN"] > 0.02 * row["ours"]["rounds"]
    assert [rows[name]["published"] and rows[name]["published"]["times_faster"] for name in rows] == [
        1.0,
        None,
        None,
        2.2,
        1.93,
    ]
    assert "55.32 s, 12.09 GB" in done.stdout
    assert picture.read_bytes().startswith(b"\x89PNG")


def little(split: str) -> Labelled:
    texts = tuple(f"{split} the cat number {n} sleeps" for n in range(12))
    return Labelled(texts, tuple(n % 3 for n in range(12)))


def test_students_are_trained_once(table: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taught = importlib.import_module("taught")
    monkeypatch.setitem(distillation.TASKS, "little", (little, LABELS))
    monkeypatch.setattr(distillation, "_CALIBRATE_ON", 2)
    for name, value in {"_TASK": "little", "_TEACHER": MODEL, "_SEQ_LEN": 12, "sentiment": little}.items():
        monkeypatch.setattr(taught, name, value)
    stage = Stage(steps=2, batch=4, rate=1e-4, logits=1.0)
    made = Recipe(attention="2quad", activation="quad", fitted=False, stages=(stage,), source="a test")
    monkeypatch.setattr(table, "students", lambda: {"mpcformer": (table.BOTH, "with the teacher", made)})
    (tmp_path / "teacher").symlink_to(MODEL)
    runs = taught.Runs(tmp_path)
    untrained = table.accuracies(runs, full=False)
    assert [row["name"] for row in untrained] == [
        "teacher",
        "softmax, quad: weights as they were",
        "2quad, GELU: weights as they were",
        "2quad, quad: weights as they were",
        "2relu, quad: weights as they were",
        "2quad with head shifts, neuron quadratics: fitted",
    ]
    rows = table.accuracies(runs, full=True)
    assert [row["name"] for row in rows[6:]] == ["2quad, quad: trained with the teacher"]
    assert [row["plain"] for row in rows[:6]] == [row["plain"] for row in untrained]
    first, last = rows[0], rows[6]
    assert first["samples"] == last["samples"] == 12 and last["rounds"] < first["rounds"]
    written = (tmp_path / "mpcformer" / "metrics.jsonl").read_text()
    assert table.accuracies(runs, full=False) == rows
    assert (tmp_path / "mpcformer" / "metrics.jsonl").read_text() == written and len(written.splitlines()) == 2


def test_recipes_train_what_rows_have(table: ModuleType) -> None:
    for combination, _, made in table.students().values():
        assert (made.attention, made.activation) == (combination.attention, combination.activation)
        assert combination in table.ROWS and sum(stage.steps for stage in made.stages) == 1300


def test_options_that_exclude_each_other() -> None:
    done = run("--quick", "--full")
    assert done.returncode == 2 and "exclude each other" in done.stderr
    done = run("--full")
    assert done.returncode == 2 and "name a folder for it with --runs" in " ".join(done.stderr.split())
