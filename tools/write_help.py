#!/usr/bin/env python3
"""Writes docs/help/: what ./dev COMMAND --help shows, which needs nothing installed or built. A test compares.

./dev python tools/write_help.py
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
# What takes the arguments of a command of ./dev.
COMMANDS = {
    "run": ("bench/bert_glue.py",),
    "bench": ("bench/protocols.py",),
    "opt": ("-m", "ditto.cli", "opt"),
}


def help_of(command: str) -> str:
    """The help of ./dev COMMAND, 80 columns wide."""
    done = subprocess.run(
        [sys.executable, *COMMANDS[command], "--help"],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=True,
    )
    usage, *rest = done.stdout.splitlines(keepends=True)
    return "".join([f"Usage: ./dev {command} {usage[usage.index('[OPTIONS]') :]}", *rest])


if __name__ == "__main__":
    for command in COMMANDS:
        (ROOT / "docs" / "help" / f"{command}.txt").write_text(help_of(command))
