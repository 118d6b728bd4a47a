"""bench/mpcvit_table.py as a user runs it, on a tiny network; and which heads it keeps."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from bench import glue

SCRIPT = Path(glue.__file__).with_name("mpcvit_table.py")


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, which imports its neighbours as scripts do."""
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    return importlib.import_module("mpcvit_table")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True)


def test_a_layer_pays_for_the_dearest_of_its_heads(tmp_path: Path) -> None:
    file, picture = tmp_path / "table.json", tmp_path / "table.png"
    done = run("--quick", "--json", str(file), "--plot", str(picture))
    assert done.returncode == 0, done.stderr
    result = json.loads(file.read_text())
    assert result["made_with"]["arguments"]["quick"] is True and result["accuracies"] is None
    [whole] = result["tables"]
    rows = {row["network"]: row for row in whole["rows"]}
    ours = {name: row["ours"] for name, row in rows.items() if row["ours"] is not None}
    assert set(rows) - set(ours) == {"Linformer 0.3", "Linformer 0.5", "Linformer 0.7"}
    # The heads of one layer and those of half of each send as much; only the latter pay rounds of rsattn everywhere.
    few, everywhere = (ours[f"μ = 0.5, in {where}"] for where in ("few layers", "all layers"))
    assert ours["scale"]["rounds"] < few["rounds"] < min(ours["rsattn"]["rounds"], everywhere["rounds"])
    assert few["bytes"]["online"] == pytest.approx(everywhere["bytes"]["online"], rel=0.1)
    assert ours["MPCFormer: 2quad, quad"]["rounds"] < ours["softmax"]["rounds"]
    for one in ours.values():
        for key in ("offline", "online"):
            assert sum(layer[f"{key}_bytes"] for layer in one["layers"]) == one["bytes"][key]
        assert sum(layer["rounds"] for layer in one["layers"]) >= one["rounds"]
        assert one["predicted"]["WAN"] > 0.02 * one["rounds"] and len(one["measured"]["none"]["all"]) == 3
    assert rows["μ = 0.5, in few layers"]["published"]["CIFAR-10"] == {
        "accuracy": 93.21,
        "taught": 94.22,
        "seconds": 58.66,
    }
    parts = {part["part"]: part for part in result["parts"]}
    assert parts["attention: scale"]["rounds"] < parts["attention: 2quad"]["rounds"]
    assert parts["attention: 2quad"]["rounds"] < parts["attention: softmax"]["rounds"]
    assert "| Linformer 0.5 | no such form here | " in done.stdout
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_where_heads_are_kept(table: ModuleType) -> None:
    for part, count in ((0.1, 3), (0.3, 8), (0.5, 14), (0.7, 20)):
        together, apart = table.placements(table.CIFAR, part)
        kept = [[layer.count("rsattn") for layer in heads] for heads in (together, apart)]
        assert [sum(counts) for counts in kept] == [count, count]
        assert sum(n > 0 for n in kept[0]) == -(-count // 4) and max(kept[1]) - min(kept[1]) <= 1


def test_accuracies_are_those_of_a_run(table: ModuleType, tmp_path: Path) -> None:
    assert table.accuracies(tmp_path, train=False) is None
    (tmp_path / "results.json").write_text("[]")
    (tmp_path / "search.json").write_text('{"data": "mnist"}')
    with pytest.raises(table.spu_ditto.UnsupportedError, match="holds another search"):
        table.accuracies(tmp_path, train=False)


def test_options_that_exclude_each_other() -> None:
    done = run("--quick", "--full")
    assert done.returncode == 2 and "exclude each other" in done.stderr
    done = run("--full")
    assert done.returncode == 2 and "name a folder for it with --runs" in " ".join(done.stderr.split())
