"""GLUE's layouts and metrics, on files written here."""

from pathlib import Path

import numpy as np
import pytest

from bench import glue
from spu_ditto.errors import UnsupportedError

ROWS: dict[str, tuple[str, str, tuple[list[str], list[str] | None, list[float]]]] = {
    "cola": ("", "gj04\t1\t\tThe sailors rode the breeze.", (["The sailors rode the breeze."], None, [1])),
    "sst2": ("sentence\tlabel", "a fine film \t0", (["a fine film "], None, [0])),
    "mrpc": (
        "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String",
        '1\t2\t3\tHe said "no.\tNo.',
        (['He said "no.'], ["No."], [1]),
    ),
    "stsb": ("index\tsentence1\tsentence2\tscore", "0\tA plane.\tA boat.\t2.5", (["A plane."], ["A boat."], [2.5])),
    "qqp": ("id\tquestion1\tquestion2\tis_duplicate", "0\tWhy?\tHow?\t0", (["Why?"], ["How?"], [0])),
    "mnli": (
        "index\tsentence1\tsentence2\tgold_label",
        "0\tIt rains.\tIt is wet.\tneutral",
        (["It rains."], ["It is wet."], [1]),
    ),
    "qnli": ("index\tquestion\tsentence\tlabel", "0\tWho?\tAda.\tentailment", (["Who?"], ["Ada."], [0])),
    "rte": ("index\tsentence1\tsentence2\tlabel", "0\tA.\tB.\tnot_entailment", (["A."], ["B."], [1])),
}


@pytest.mark.parametrize("name", sorted(glue.TASKS))
def test_reads_every_task(name: str, tmp_path: Path) -> None:
    task = glue.TASKS[name]
    header, row, (first, second, targets) = ROWS[name]
    (tmp_path / task.file).write_text((header + "\n" if header else "") + row + "\n")
    assert glue.read(task, tmp_path) == glue.Examples(first, second, targets)


def test_names_the_line_of_a_bad_label(tmp_path: Path) -> None:
    (tmp_path / "dev.tsv").write_text("sentence\tlabel\ngood\t1\nbad\tmaybe\n")
    with pytest.raises(UnsupportedError, match=r"dev\.tsv:3: label 'maybe' is not one of 0, 1"):
        glue.read(glue.TASKS["sst2"], tmp_path)


def test_names_the_missing_column(tmp_path: Path) -> None:
    (tmp_path / "dev.tsv").write_text("text\tlabel\ngood\t1\n")
    with pytest.raises(UnsupportedError, match="no column 'sentence'"):
        glue.read(glue.TASKS["sst2"], tmp_path)


def test_names_the_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="dev_matched.tsv does not exist"):
        glue.read(glue.TASKS["mnli"], tmp_path)


def test_pairs_need_no_score(tmp_path: Path) -> None:
    (tmp_path / "dev.tsv").write_text("sentence1\tsentence2\nOne.\tTwo.\n")
    assert glue.read(glue.TASKS["stsb"], tmp_path, rated=False) == glue.Examples(["One."], ["Two."], None)
    with pytest.raises(UnsupportedError, match="no column 'score'"):
        glue.read(glue.TASKS["stsb"], tmp_path)


def test_metrics() -> None:
    truth = [1, 1, 0, 0, 1]
    guess = [1, 0, 0, 0, 1]
    assert glue.score(glue.TASKS["sst2"], guess, truth) == pytest.approx(0.8)
    assert glue.score(glue.TASKS["mrpc"], guess, truth) == pytest.approx(0.8)
    assert glue.score(glue.TASKS["cola"], guess, truth) == pytest.approx(np.corrcoef(guess, truth)[0, 1])
    assert glue.score(glue.TASKS["stsb"], [1.0, 2.0, 3.0], [2.0, 4.0, 6.0]) == pytest.approx(1)


def test_the_projects_own_pairs_are_complete() -> None:
    pairs = glue.read(glue.TASKS["stsb"], Path(glue.__file__).parent / "data" / "pairs.tsv")
    assert pairs.second is not None and pairs.targets is not None
    assert len(pairs.first) >= 16 and all(pairs.first) and all(pairs.second)
    assert all(0 <= score <= 5 for score in pairs.targets)
