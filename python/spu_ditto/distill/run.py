"""A distillation from beginning to end, in a folder: teacher, stand-ins, stages, and what all of them are worth.

The folder has recipe.json (what was asked for), metrics.jsonl (a line a step), teacher/ and student/ (models),
results.json and results.md. A run that was interrupted goes on where it was when it is asked for again.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optax

import spu_ditto
from spu_ditto import models
from spu_ditto.data.sentiment import LABELS, Labelled, sentiment
from spu_ditto.distill.recipe import Recipe, Stage
from spu_ditto.distill.trainer import Data, accuracy, calibration_samples, predictions, train
from spu_ditto.errors import UnsupportedError
from spu_ditto.nn.fit import fit
from spu_ditto.nn.scope import flat, tree_of
from spu_ditto.nn.weights import named_as_here, read_weights

assert optax  # the extra is there

# How a teacher is made of a model without a head.
_TEACHER = Stage(steps=700, rate=5e-5, warmup=0.1, labels=1.0)
_FIT_ON = 512
_CALIBRATE_ON, _SECURE_BATCH = 16, 8

TASKS: dict[str, tuple[Callable[[Any], Labelled], tuple[str, ...]]] = {"sentiment": (sentiment, LABELS)}


@dataclass(frozen=True)
class Row:
    """What a model is worth.

    Attributes:
        plain: the part of the test texts that it is right about, in float32.
        secure: the same among three parties, of as many texts as `samples`; None if it was not tried.
        agreement: the part of these whose label is that of float32.
        bytes, rounds, wan: of one text: bytes of all parties offline and online, rounds, seconds in a WAN as predicted.
    """

    name: str
    plain: float
    secure: float | None = None
    samples: int = 0
    agreement: float | None = None
    bytes: int | None = None
    rounds: int | None = None
    wan: float | None = None


@dataclass(frozen=True)
class Results:
    """All rows: the teacher, the student before it is trained, after each stage."""

    rows: tuple[Row, ...]

    def markdown(self) -> str:
        """A table."""
        lines = [
            "| model | accuracy, float32 | accuracy, secure (texts) | the same label | MB | rounds | WAN, s |",
            "|---|---|---|---|---|---|---|",
        ]
        for row in self.rows:
            told = ["", "", "", "", ""]
            if row.secure is not None and row.agreement is not None:
                told[:2] = [f"{100 * row.secure:.1f} % ({row.samples})", f"{100 * row.agreement:.1f} %"]
            if row.bytes is not None and row.rounds is not None and row.wan is not None:
                told[2:] = [f"{row.bytes / 1e6:.1f}", str(row.rounds), f"{row.wan:.2f}"]
            lines.append(f"| {row.name} | {100 * row.plain:.1f} % | " + " | ".join(told) + " |")
        return "\n".join(lines) + "\n"


def distill(
    teacher: str | Path,
    task: str,
    made: Recipe,
    folder: Path,
    *,
    seq_len: int = 32,
    secure_samples: int = 200,
    seed: int = 0,
    told: Callable[[str], None] = lambda text: None,
    stepped: Callable[[str, int, int, dict[str, float]], None] = lambda stage, step, steps, metrics: None,
) -> Results:
    """Makes a student of a teacher.

    Args:
        teacher: a directory or "minilm"; a model without a head for the task is trained first, into `folder`/teacher.
        task: "sentiment".
        made: the recipe.
        folder: what is written goes here.
        seq_len: tokens of a text; longer ones are cut.
        secure_samples: how many test texts the teacher and the student are tried on among three parties; 0 for none.
        told: called with a sentence where something begins or was found.
        stepped: called after every step of training, with the stage, the step, how many there are, and its metrics.

    Raises:
        UnsupportedError: there is no such task or model, the data are not at hand, or the folder is of another run.
    """
    if task not in TASKS:
        raise UnsupportedError(f"there is no task {task}; there are {', '.join(TASKS)}")
    read, labels = TASKS[task]
    folder.mkdir(parents=True, exist_ok=True)
    asked = {"teacher": str(teacher), "task": task, "seq_len": seq_len, "seed": seed}
    asked["recipe"] = made.model_dump(mode="json")
    claim(folder / "recipe.json", asked)
    run = Run(folder, seed, told, stepped)
    begun, able = _with_head(teacher, labels)
    splits = [read(split) for split in ("train", "dev", "test")]
    learn, dev, test = (Data(begun.encode(one.texts, seq_len=seq_len), np.array(one.labels)) for one in splits)
    told(f"{learn.count} texts to learn from, {dev.count} to choose by, {test.count} to measure on")
    taught = begun if able else run.trained("teacher", begun, None, _TEACHER, learn, dev)
    rows = [_row("teacher", taught, test, learn, secure_samples, told)]

    if made.fitted:
        student = fit(
            taught,
            samples_to_fit(learn, seed),
            attention=made.attention,
            activation=made.activation,
            norm=made.norm,
            told=lambda one: told(str(one)),
        )
    else:
        student = taught.converted(made.attention, made.activation)
    rows.append(_row("student, untrained", student, test, learn, 0, told))
    for number, stage in enumerate(made.stages, 1):
        student = run.trained(f"stage{number}", student, taught, stage, learn, dev)
        last = number == len(made.stages)
        name = f"student, stage {number} of {len(made.stages)}"
        rows.append(_row(name, student, test, learn, secure_samples if last else 0, told))
    student.save(folder / "student")
    results = Results(tuple(rows))
    (folder / "results.json").write_text(json.dumps([dataclasses.asdict(row) for row in rows], indent=2) + "\n")
    (folder / "results.md").write_text(results.markdown())
    return results


def samples_to_fit(learn: Data, seed: int) -> dict[str, Any]:
    """The inputs that stand-ins are fitted to."""
    return learn.rows(np.random.default_rng(seed).permutation(learn.count)[:_FIT_ON])[0]


@dataclass(frozen=True)
class Run:
    """Stages of a run, each done once."""

    folder: Path
    seed: int
    told: Callable[[str], None]
    stepped: Callable[[str, int, int, dict[str, float]], None]

    def trained(
        self,
        name: str,
        student: models.Model,
        teacher: models.Model | None,
        stage: Stage,
        learn: Data,
        dev: Data,
        penalty: Callable[[dict[str, Any]], Any] | None = None,
    ) -> models.Model:
        """What `train` makes of a student, in the folder `name`."""
        place = self.folder / name
        if (place / "config.json").is_file():
            self.told(f"{name} is there already")
            return dataclasses.replace(student, params=tree_of(read_weights(place)))
        self.told(f"{name}: {stage.steps} steps of {stage.batch}")
        begun = time.process_time()
        with (self.folder / "metrics.jsonl").open("a") as file:

            def note(step: int, metrics: dict[str, float]) -> None:
                file.write(json.dumps({"stage": name, "step": step, **metrics}) + "\n")
                file.flush()
                self.stepped(name, step, stage.steps, metrics)

            result = train(student, teacher, stage, learn, dev, place, seed=self.seed, penalty=penalty, told=note)
        result.save(place)
        (place / "checkpoint.safetensors").unlink(missing_ok=True)
        self.told(f"{name} took {time.process_time() - begun:.0f} CPU-seconds")
        return result


def claim(path: Path, asked: dict[str, Any]) -> None:
    """Writes what was asked for. Raises UnsupportedError if something else was before, in the same folder."""
    text = json.dumps(asked, indent=2) + "\n"
    if path.is_file() and path.read_text() != text:
        raise UnsupportedError(f"{path.parent} holds another run, see {path.name} there; use another folder")
    path.write_text(text)


def _with_head(teacher: str | Path, labels: tuple[str, ...]) -> tuple[models.Model, bool]:
    """A classifier, and whether it is one already; the head of a bare model is random."""
    stored = models.load(teacher)
    if stored.task == "text-classification":
        if stored.labels is None or len(stored.labels) != len(labels):
            raise UnsupportedError(f"{teacher} has the labels {stored.labels}, and the task {labels}")
        return stored, True
    settings = {"id2label": {str(n): label for n, label in enumerate(labels)}}
    made = models.load(teacher, task="text-classification", config=settings, random_weights=True)
    weights = dict(flat(made.params))
    known = {**named_as_here(read_weights(models.directory_of(teacher)), made.family), **dict(flat(stored.params))}
    for name in weights:
        if name in known and np.shape(known[name]) == np.shape(weights[name]):
            weights[name] = np.asarray(known[name], np.float32)
    return dataclasses.replace(made, params=tree_of(weights)), False


def _row(name: str, model: models.Model, test: Data, learn: Data, samples: int, told: Callable[[str], None]) -> Row:
    logits = predictions(model, test)
    row = Row(name, accuracy(logits, test.labels))
    told(f"{name}: {100 * row.plain:.1f} % of the test texts are right in float32")
    if not samples:
        return row
    samples = min(samples, test.count)
    single = calibration_samples(model, learn, _CALIBRATE_ON, 1)
    cost = spu_ditto.compile(model.apply, calibration=single).lower(*single[0]).cost_analysis()
    samples_of_many = calibration_samples(model, learn, _CALIBRATE_ON, _SECURE_BATCH)
    secure = spu_ditto.compile(model.apply, calibration=samples_of_many)
    weights = secure.share(model.params)
    found = []
    for start in range(0, samples, _SECURE_BATCH):
        rows = np.minimum(np.arange(start, start + _SECURE_BATCH), samples - 1)
        found.append(np.asarray(secure(weights, test.rows(rows)[0])))
    results = np.concatenate(found)[:samples]
    own = test.labels[:samples]
    agreement = float(np.mean(np.argmax(results, -1) == np.argmax(logits[:samples], -1)))
    told(f"{name}: {100 * accuracy(results, own):.1f} % of {samples} are right among three parties")
    told(f"{name}: {100 * agreement:.1f} % have the label that they have in float32")
    return dataclasses.replace(
        row,
        secure=accuracy(results, own),
        samples=samples,
        agreement=agreement,
        bytes=cost.offline_bytes + cost.online_bytes,
        rounds=cost.rounds,
        wan=cost.seconds("WAN"),
    )
