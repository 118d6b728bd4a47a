"""Runs a function as a command line, with its help as plain text: rich would take what is in brackets for markup."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer


def run_command(main: Callable[..., Any]) -> None:
    """Ends the process, as `typer.run` does."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command()(main)
    app()
