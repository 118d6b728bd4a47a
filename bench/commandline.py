"""Runs a function as a command line.

Its help is plain text: rich would take what is in brackets for markup. What the terminal's encoding does not have is
shown by its number, and ends nothing.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import Any

import typer


def run_command(main: Callable[..., Any]) -> None:
    """Ends the process, as `typer.run` does."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command()(main)
    app()
