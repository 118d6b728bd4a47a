"""Every benchmark is a command of its own, whose help says what each option means."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench import glue

BENCH = Path(glue.__file__).parent
COMMANDS = [path for path in sorted(BENCH.glob("*.py")) if 'if __name__ == "__main__":' in path.read_text()]


def help_of(script: Path, folder: Path, columns: int) -> str:
    env = {**os.environ, "COLUMNS": str(columns)}
    done = subprocess.run([sys.executable, script, "--help"], cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_commands_and_they_alone_are_executable() -> None:
    assert len(COMMANDS) >= 5
    for path in BENCH.glob("*.py"):
        assert os.access(path, os.X_OK) == path.read_text().startswith("#!/usr/bin/env python3\n") == (path in COMMANDS)


@pytest.mark.parametrize("script", COMMANDS, ids=lambda path: path.stem)
def test_help_names_and_explains_every_option(script: Path, tmp_path: Path) -> None:
    shown = help_of(script, tmp_path, 80)
    assert shown.startswith(f"Usage: {script.name} ")
    entries = re.split(r"\n  (?=\S)", shown[shown.index("Options:") :])[1:]
    assert "--help" in entries[-1]
    for entry in entries:
        # A name, perhaps with its type, two blanks or a new line, and the explanation.
        assert re.fullmatch(r"--\S+( / --\S+)?( <.*>)?(\s\s+)[A-Z][^.]*\..*", entry.strip(), re.DOTALL), entry


def test_what_is_in_brackets_is_shown_in_narrow_terminals_too(tmp_path: Path) -> None:
    for columns in (40, 60, 80):
        shown = help_of(BENCH / "bert_glue.py", tmp_path, columns)
        assert "[pairs: 32, else 128]" in " ".join(shown.split())
        assert "…" not in shown
