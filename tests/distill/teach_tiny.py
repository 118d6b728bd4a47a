"""Teaches a tiny BERT to imitate another, in a folder: `python teach_tiny.py FOLDER [DIES_AT_STEP]`.

Prints a line of JSON a step. With a step to die at it kills itself there as `kill -9` does.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import numpy as np

from spu_ditto import models
from spu_ditto.distill.recipe import Stage
from spu_ditto.distill.trainer import Data, accuracy, predictions, train

MODEL = Path(__file__).parent.parent / "nn" / "models" / "bert-sequence"
STAGE = Stage(
    steps=150, batch=8, rate=2e-3, warmup=0.1, hidden=1.0, scores=0.1, logits=1.0, frozen=("bert.embeddings",)
)


def main(folder: str, dies_at: str = "0") -> None:
    teacher = models.load(MODEL)
    inputs = teacher.make_inputs(batch=96, seq_len=8)
    known = predictions(teacher, Data(inputs, np.zeros(96, np.int64)))
    data = Data(inputs, known.argmax(-1))
    student = teacher.converted(attention="2quad", activation="quad")

    def told(step: int, metrics: dict[str, float]) -> None:
        print(json.dumps({"step": step, **metrics}), flush=True)
        if step == int(dies_at):
            os.kill(os.getpid(), signal.SIGKILL)

    before = accuracy(predictions(student, data), data.labels)
    result = train(student, teacher, STAGE, data, data, Path(folder), told=told)
    print(json.dumps({"before": before, "after": accuracy(predictions(result, data), data.labels)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
