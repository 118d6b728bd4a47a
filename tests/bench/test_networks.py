"""bench/networks.py as a user runs it, on one layer of a real model."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench import glue

SCRIPT = Path(glue.__file__).with_name("networks.py")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True)


def test_measured_as_predicted(tmp_path: Path) -> None:
    file = tmp_path / "networks.json"
    one = ("--only", "minilm", "--layers", "1", "--network", "100mbit,80ms", "--repetitions", "3")
    done = run(*one, "--json", str(file))
    assert done.returncode == 0, done.stderr
    assert "| MiniLM, 32 tokens, 1 layers | 100mbit,80ms | processes | " in done.stdout
    result = json.loads(file.read_text())
    assert result["made_with"]["arguments"]["layers"] == 1
    [row] = result["rows"]
    errors = row["max_abs_error"]
    assert row["spu"] is None and 0 < errors["least"] < errors["median"] < errors["most"] < 0.02
    assert len(errors["all"]) == 7
    least = row["rounds"] * 0.04 + 8 * row["bytes"]["online"] / 2 / 100e6
    for part in ("online", "total"):
        assert len(row["seconds"][part]) == 3 and min(row["seconds"][part]) > least
        # The least: a machine may be busy, at worst while computing is tried out.
        assert row["predicted"][part] == pytest.approx(min(row["seconds"][part]), rel=0.3)
    assert min(row["seconds"]["offline"]) > 8 * row["bytes"]["offline"] / 100e6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--network", "moon"), "network 'moon' is not \"LAN\""),
        (("--baseline", "spu"), "--baseline spu goes with --parties namespaces"),
    ],
)
def test_bad_arguments_are_named(arguments: tuple[str, ...], message: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert message in " ".join(done.stderr.replace("│", " ").split())
