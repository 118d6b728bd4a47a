"""bench/guard.py as a user runs it, on a tiny model, and what its parts rest on."""

import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from bench import glue

SCRIPT = Path(glue.__file__).with_name("guard.py")


@pytest.fixture
def guard(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, which imports its neighbours as scripts do."""
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    return importlib.import_module("guard")


def test_quick_mode_measures_both_parts(tmp_path: Path) -> None:
    file = tmp_path / "guard.json"
    done = subprocess.run([sys.executable, str(SCRIPT), "--quick", "--json", str(file)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("| tiny BERT") == 8
    result = json.loads(file.read_text())
    assert {"arguments", "seeds", "versions", "commit", "cpu", "threads", "date"} <= set(result["made_with"])
    assert result["made_with"]["arguments"]["seed"] == 0
    [cost] = result["cost"]
    assert cost["on"]["bytes"]["total"] > cost["off"]["bytes"]["total"] > 0
    assert cost["on"]["rounds"] > cost["off"]["rounds"]
    for row in result["finds"]:
        assert row["found"] <= min(row["wrong"], row["refused"]) and row["refused"] <= row["draws"]
    quiet, *pushed = result["finds"]
    assert (quiet["factor"], quiet["refused"], quiet["wrong"]) == (1, 0, 0) and quiet["excess"] < 1
    everywhere = [row for row in pushed if row["push"] != "aligned"]
    assert len(everywhere) == 4 and len(pushed) == 6
    # Whole tensors leave their range, small ones among them, which are checked for certain.
    assert all(row["excess"] > 1 and row["refused"] == row["draws"] for row in everywhere)
    # What leaves its range by a hundred gives any number at all, which now and then lies near the right one.
    far = [row for row in everywhere if row["factor"] == 100]
    assert sum(row["wrong"] for row in far) > sum(row["draws"] for row in far) // 2


def test_the_ratio_of_times_is_that_of_neighbouring_runs(guard: ModuleType) -> None:
    sizes = {"bytes": {"offline": 2e6, "online": 1e6, "total": 3e6}, "rounds": 4}
    row = {
        **{"model": "tiny", "layers": 1, "tokens": 8, "others": {}},
        "on": {**sizes, "spread": {"all": [2.0, 3.0, 4.4]}},
        "off": {**sizes, "spread": {"all": [2.0, 2.0, 4.0]}},
    }
    assert guard.cost_table([row]).endswith("| 4 / 4 | 1.10 (1.00 to 1.50) |")


def test_pushed_arguments_pass_their_checks(guard: ModuleType) -> None:
    model = guard.TINY.load(False, 0)
    calibrated = guard.calibrate(model, 8)
    pusher = guard.Pusher(calibrated)
    assert {path[-1] for path in pusher.largest} == {"weight"} and len(pusher.largest) == 6
    inputs = model.make_inputs(1, 8, seed=5)
    for push in (guard.Push.weights, guard.Push.aligned):
        changed = pusher.changed(push, 100.0, inputs, np.random.default_rng(1))
        assert len(changed) == (1 if push is guard.Push.aligned else 6)
        for path, array in changed.items():
            assert not np.array_equal(array, pusher.params[path])
            assert np.max(np.abs(array)) < calibrated.bounds[path]
    scales = pusher.changed(guard.Push.scales, 10.0, inputs, np.random.default_rng(1))
    lifted = pusher.lifted(guard.Push.scales, 10.0)
    assert set(scales) == set(lifted) and {path[-2] for path in scales} == {"LayerNorm"}
    assert all(np.max(np.abs(scales[path])) < lifted[path] * calibrated.bounds[path] for path in scales)


def test_an_aligned_column_gives_what_is_asked_of_it(guard: ModuleType) -> None:
    model = guard.TINY.load(False, 0)
    pusher = guard.Pusher(guard.calibrate(model, 8))
    inputs = model.make_inputs(1, 8, seed=5)
    [(path, array)] = pusher.aligned(2.0, inputs, np.random.default_rng(1)).items()
    kernel = guard.columns(model, array)
    column = np.flatnonzero(np.any(kernel != guard.columns(model, pusher.params[path]), axis=0))
    assert len(column) == 1
    products = guard.activations(model, inputs)[path] @ kernel[:, column]
    assert np.isclose(products, 2 * pusher.largest[path], rtol=1e-4).any()
