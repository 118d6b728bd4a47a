"""bench/throughput.py as a user runs it, on one layer."""

import json
import subprocess
import sys
from pathlib import Path

from bench import glue

SCRIPT = Path(glue.__file__).with_name("throughput.py")


def test_callers_of_one_trio(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    few = ("--layers", "1", "--seq-len", "8", "--calls", "2", "--repetitions", "2")
    each = ("--batch", "1", "--batch", "2", "--callers", "1", "--callers", "2")
    done = subprocess.run([sys.executable, SCRIPT, *few, *each, "--json", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    result = json.loads(path.read_text())
    assert result["model"] == "minilm" and len(result["made_with"]["load"]) == 3
    assert [(row["batch"], row["callers"]) for row in result["rows"]] == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert len(done.stdout.splitlines()) == 2 + 4
    for row in result["rows"]:
        rate, seconds = row["inferences_a_minute"], row["seconds_a_call"]
        assert len(rate["all"]) == 2 and 0 < rate["least"] <= rate["median"] <= rate["most"]
        # Each of the callers has made both calls, twice, one after the other.
        assert len(seconds["all"]) == 4 * row["callers"]
        assert rate["most"] <= 60 * row["batch"] * row["callers"] / seconds["least"]
        assert 0 < row["max_abs_error"] < 0.02


def test_bad_arguments_are_named() -> None:
    for arguments, message in (
        (("--model", "/nowhere"), "neither a directory, nor in the local Hugging Face cache"),
        (("--callers", "17"), "Input should be less than or equal to 16"),
    ):
        done = subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True)
        assert done.returncode == 2
        assert message in " ".join(done.stderr.replace("│", " ").split())
