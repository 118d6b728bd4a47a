"""GLUE's tasks: the columns of their TSV files, and the name of the metric each is judged by.

Source: the files of gluebenchmark.com as distributed (one folder per task holding dev.tsv), and the metrics of the GLUE
paper (arXiv:1804.07461, table 1).
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from spu_ditto.errors import UnsupportedError


@dataclass(frozen=True)
class Task:
    """Columns by header name, or by number where the file has no header. `labels` are the classes; none: a regression.

    `metric` is one of "accuracy", "f1", "matthews", "pearson".
    """

    file: str
    first: str | int
    second: str | int | None
    label: str | int
    labels: tuple[str, ...]
    metric: str


_BINARY = ("0", "1")
_ENTAILMENT = ("entailment", "not_entailment")

TASKS: dict[str, Task] = {
    "cola": Task("dev.tsv", 3, None, 1, _BINARY, "matthews"),
    "sst2": Task("dev.tsv", "sentence", None, "label", _BINARY, "accuracy"),
    "mrpc": Task("dev.tsv", "#1 String", "#2 String", "Quality", _BINARY, "f1"),
    "stsb": Task("dev.tsv", "sentence1", "sentence2", "score", (), "pearson"),
    "qqp": Task("dev.tsv", "question1", "question2", "is_duplicate", _BINARY, "f1"),
    "mnli": Task(
        "dev_matched.tsv",
        "sentence1",
        "sentence2",
        "gold_label",
        ("entailment", "neutral", "contradiction"),
        "accuracy",
    ),
    "qnli": Task("dev.tsv", "question", "sentence", "label", _ENTAILMENT, "accuracy"),
    "rte": Task("dev.tsv", "sentence1", "sentence2", "label", _ENTAILMENT, "accuracy"),
}


@dataclass(frozen=True)
class Examples:
    """Sentences of a task, `second` for tasks on pairs. Targets are class numbers or scores, if known."""

    first: list[str]
    second: list[str] | None
    targets: list[float] | None


def read(task: Task, path: Path, *, rated: bool = True) -> Examples:
    """Reads a task's TSV file.

    Args:
        path: the file, or the folder that holds the task's file.
        rated: whether the label column has to be there; without one there are no targets.

    Raises:
        UnsupportedError: the file is missing, or a line does not fit the task's layout.
    """
    if path.is_dir():
        path = path / task.file
    if not path.is_file():
        raise UnsupportedError(f"{path} does not exist; expected GLUE's {task.file}")
    first: list[str] = []
    second: list[str] = []
    targets: list[float] = []
    with path.open(encoding="utf-8", newline="") as lines:
        rows = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        header = [] if isinstance(task.label, int) else next(rows, [])
        columns = [
            _column(path, header, c) for c in (task.first, task.second if task.second is not None else task.first)
        ]
        label = _column(path, header, task.label) if rated or task.label in header else None
        for row in rows:
            place = f"{path}:{rows.line_num}"
            if len(row) <= max(*columns, label or 0):
                raise UnsupportedError(f"{place}: {len(row)} columns, too few for this task's layout")
            first.append(row[columns[0]])
            second.append(row[columns[1]])
            if label is not None:
                targets.append(_target(task, row[label], place))
    if not first:
        raise UnsupportedError(f"{path} holds no examples")
    return Examples(first, None if task.second is None else second, None if label is None else targets)


def _column(path: Path, header: list[str], column: str | int) -> int:
    if isinstance(column, int):
        return column
    if column not in header:
        raise UnsupportedError(f"{path}:1: no column {column!r}; the header has {', '.join(header) or 'nothing'}")
    return header.index(column)


def _target(task: Task, text: str, place: str) -> float:
    if task.labels:
        if text not in task.labels:
            raise UnsupportedError(f"{place}: label {text!r} is not one of {', '.join(task.labels)}")
        return task.labels.index(text)
    try:
        return float(text)
    except ValueError:
        raise UnsupportedError(f"{place}: score {text!r} is not a number") from None
