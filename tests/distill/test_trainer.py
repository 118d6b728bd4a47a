"""Training imitates, goes on where it was killed, and leaves alone what is frozen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pydantic
import pytest

from spu_ditto import models
from spu_ditto.distill.recipe import RECIPES, Recipe, Stage, recipe
from spu_ditto.distill.trainer import Data, train
from spu_ditto.errors import UnsupportedError
from spu_ditto.nn.scope import flat
from tests.distill.teach_tiny import MODEL, STAGE


def teach(folder: Path, dies_at: int = 0) -> tuple[list[dict[str, Any]], int]:
    script = Path(__file__).parent / "teach_tiny.py"
    done = subprocess.run(
        [sys.executable, str(script), str(folder), str(dies_at)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    return [json.loads(line) for line in done.stdout.splitlines()], done.returncode


def test_a_killed_run_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    whole, status = teach(tmp_path / "whole")
    assert status == 0
    steps, (ended,) = whole[:-1], whole[-1:]
    assert [one["step"] for one in steps] == list(range(1, STAGE.steps + 1))
    assert steps[-1]["loss"] < 0.9 * steps[0]["loss"]
    assert ended["after"] > ended["before"]
    _, status = teach(tmp_path / "killed", dies_at=120)
    assert status == -9
    rest, status = teach(tmp_path / "killed")
    assert status == 0
    # From the last checkpoint, which is that of step 100.
    assert rest[:-1] == steps[100:] and rest[-1]["after"] == ended["after"]


def test_what_is_frozen_stays(tmp_path: Path) -> None:
    model = models.load(MODEL)
    data = Data(model.make_inputs(batch=16, seq_len=8), np.arange(16) % 3)
    stage = Stage(steps=3, batch=8, rate=1e-2, labels=1.0, frozen=("bert.embeddings", "bert.encoder.layer.0"))
    trained = train(model, None, stage, data, data, tmp_path)
    before, after = dict(flat(model.params)), dict(flat(trained.params))
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert changed and not any(name.startswith(stage.frozen) for name in changed)
    assert "bert.encoder.layer.1.output.dense.weight" in changed


def test_weights_that_are_rounded_stay_so(tmp_path: Path) -> None:
    model = models.load(MODEL)
    data = Data(model.make_inputs(batch=16, seq_len=8), np.arange(16) % 3)
    stage = Stage(steps=3, batch=8, rate=1e-2, labels=1.0, quantisation_aware="weights")
    before, after = (dict(flat(m.params)) for m in (model, train(model, None, stage, data, data, tmp_path)))
    for name, weight in after.items():
        units = weight.astype(np.float64) * 2.0 ** (20 if name.endswith("bias") else 10)
        assert np.array_equal(units, np.rint(units)), name
    assert not np.array_equal(after["classifier.weight"], before["classifier.weight"])


def test_recipes() -> None:
    assert set(RECIPES) == {"ditto", "mpcformer", "freediv", "fitted"}
    assert recipe("mpcformer").attention == "2quad"
    assert recipe("fitted", attention="2quad").stages[0].hidden == 1.0
    with pytest.raises(UnsupportedError, match="there is no recipe bolt; there are ditto, mpcformer, freediv, fitted"):
        recipe("bolt")
    made = recipe("ditto", quantisation_aware="weights")
    assert [stage.quantisation_aware for stage in made.stages] == [None, "weights"]
    with pytest.raises(pydantic.ValidationError, match="quantisation_aware"):
        recipe("ditto", quantisation_aware="activations")  # type: ignore[arg-type]
    with pytest.raises(pydantic.ValidationError, match="a program gives no hidden states and scores"):
        Stage(steps=1, rate=1e-4, hidden=1.0, quantisation_aware="program")
    with pytest.raises(pydantic.ValidationError, match="attention"):
        recipe("fitted", attention="3quad")  # type: ignore[arg-type]
    with pytest.raises(pydantic.ValidationError, match="Extra inputs are not permitted"):
        Recipe.model_validate({**RECIPES["ditto"].model_dump(), "temperature": 2})
