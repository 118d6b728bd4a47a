"""Tables in narrow terminals, in pipes, without colours and in ASCII: no number is cut."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from bench import glue

SENTENCES = ("A child is feeding ducks by the pond.", "Ein Mädchen füttert Enten [am See].")
NUMBERS = ("0.8049", "0.20 (0.17 to 0.29)", "161,420,172")
PROGRAM = f"""
import sys
sys.path.insert(0, {str(Path(glue.__file__).parent)!r})
from commandline import run_command
from output import Steps, show

def main() -> None:
    Steps(2)("compiled in 0.4 s")
    show("Results", ("sentence 1", "sentence 2", "secure", "seconds", "bytes"), [{(*SENTENCES, *NUMBERS)!a}], texts=2)

run_command(main)
"""
COMMAND = (sys.executable, "-c", PROGRAM)


def in_terminal(columns: int, **environment: str) -> str:
    """What a terminal of this width shows of standard output."""
    main, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    env = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR", "TERM")}
    env |= {"TERM": "xterm-256color", **environment}
    with subprocess.Popen(COMMAND, stdout=inner, stderr=subprocess.PIPE, env=env) as process:
        os.close(inner)
        shown = b""
        while True:
            try:
                part = os.read(main, 65536)
            except OSError:
                break
            if not part:
                break
            shown += part
    os.close(main)
    assert process.returncode == 0
    return shown.decode().replace("\r", "")


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_numbers_are_whole_in_a_terminal(columns: int) -> None:
    shown = in_terminal(columns)
    assert all(number in shown for number in NUMBERS)
    assert "…" not in shown and "compiled" not in shown
    if "┃" in shown:
        assert all(len(line) <= columns for line in shown.splitlines() if "│" in line)
    else:
        assert columns < 80 and all(sentence in shown for sentence in SENTENCES)


def test_a_wide_terminal_has_a_table() -> None:
    assert "┃" in in_terminal(120)


def test_without_colours() -> None:
    shown = in_terminal(80, NO_COLOR="1")
    assert not re.search(r"\x1b\[[0-9;]*[349][0-9]", shown) and all(number in shown for number in NUMBERS)


def test_a_pipe_has_a_line_a_row_and_progress_goes_elsewhere() -> None:
    done = subprocess.run(COMMAND, capture_output=True, text=True, check=True)
    assert any(all(text in line for text in (*SENTENCES, *NUMBERS)) for line in done.stdout.splitlines())
    assert "\x1b" not in done.stdout
    assert done.stderr == "[1/2] compiled in 0.4 s\n"


def test_ascii_loses_no_number() -> None:
    env = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(COMMAND, capture_output=True, env=env, check=True)
    shown = done.stdout.decode("ascii")
    assert all(number in shown for number in (*NUMBERS, SENTENCES[0])) and "M\\xe4dchen" in shown
