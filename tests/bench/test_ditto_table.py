"""bench/ditto_table.py as a user runs it, on tiny models."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench import glue
from spu_ditto.distill.recipe import RECIPES

SCRIPT = Path(glue.__file__).with_name("ditto_table.py")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True)


def test_four_versions_of_two_models(tmp_path: Path) -> None:
    folder, result, picture = tmp_path / "runs" / "a", tmp_path / "result.json", tmp_path / "picture.png"
    asked = {"teacher": "minilm", "task": "sentiment", "seq_len": 32, "seed": 0}
    folder.mkdir(parents=True)
    (folder / "recipe.json").write_text(json.dumps({**asked, "recipe": RECIPES["ditto"].model_dump(mode="json")}))
    worth = [(0.9, 0.88), (0.5, None), (0.7, None), (0.8, 0.79)]
    rows = [{"plain": plain, "secure": secure, "samples": 200 if secure else 0} for plain, secure in worth]
    (folder / "results.json").write_text(json.dumps(rows))

    done = run("--quick", "--runs", str(tmp_path / "runs"), "--json", str(result), "--plot", str(picture))
    assert done.returncode == 0, done.stderr
    measured = json.loads(result.read_text())
    names = ["float-faithful", "quad", "quantised", "all"]
    assert [row["version"] for row in measured["rows"]] == 2 * names
    for start in (0, 4):
        faithful, quad, quantised, both = measured["rows"][start : start + 4]
        # What the rings by dtype save, offline and online, whatever the activation is.
        for wide, narrow in ((faithful, quantised), (quad, both)):
            assert all(narrow["bytes"][part] < 0.9 * wide["bytes"][part] for part in ("offline", "online"))
            assert narrow["rounds"] < wide["rounds"] and narrow["times_less"]["WAN"] > wide["times_less"]["WAN"]
        assert faithful["times_less"] == {"bytes": 1, "LAN": 1, "WAN": 1}
    for row in measured["rows"]:
        times = row["measured"]["none"]
        assert set(row["measured"]) == {"none"} and len(times["all"]) == 3 and 0 < times["least"] <= times["median"]
        assert row["network"]["WAN"] >= 0.02 * row["rounds"]
        assert all(row["predicted"][name] > row["network"][name] for name in ("LAN", "WAN"))
    found = {
        (one["version"], one["training"], one["accuracy"], one["secure_samples"]) for one in measured["accuracies"]
    }
    assert found == {
        ("float-faithful", "none", 0.9, None),
        ("quantised", "none", 0.88, 200),
        ("quad", "none", 0.5, None),
        ("quad", "distilled", 0.8, None),
        ("all", "distilled", 0.79, 200),
    }
    table, accuracies, sources = done.stdout.split("\n\n")
    assert len(table.splitlines()) == 2 + 8 and len(accuracies.splitlines()) == 2 + 5
    # Nothing is published of tiny models.
    assert all(line.endswith("| not found |") for line in table.splitlines()[2:])
    assert "| 79.0 % | 200, three parties |" in accuracies and "arXiv 2405.05525" in sources
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--quick", "--full"), "--quick and --full exclude each other"),
        (("--full",), "--full distils: name a folder for it with --runs"),
    ],
)
@pytest.mark.parametrize("script", ["ditto_table.py", "freediv_table.py"])
def test_bad_arguments_are_named(script: str, arguments: tuple[str, ...], message: str) -> None:
    done = subprocess.run([sys.executable, SCRIPT.with_name(script), *arguments], capture_output=True, text=True)
    assert done.returncode == 2
    assert message in " ".join(done.stderr.replace("│", " ").split())
