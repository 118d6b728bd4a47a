"""Runs a function as a command line.

Its help is plain text: rich would take what is in brackets for markup. What the terminal's encoding does not have is
shown by its number, and ends nothing.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

# Of benches that show what has been trained.
RunsFolder = Annotated[
    Path | None, typer.Option(help="The folder of run folders, for accuracies; --full makes what is missing.")
]


def run_command(main: Callable[..., Any]) -> None:
    """Ends the process, as `typer.run` does."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command()(main)
    app()


def check_extent(quick: bool, full: bool, runs: Path | None, does: str) -> None:
    """Whether a bench is asked for one extent, and has a folder for what --full `does` ("trains").

    Raises:
        typer.BadParameter: it is not, or it has not.
    """
    if quick and full:
        raise typer.BadParameter("--quick and --full exclude each other")
    if full and runs is None:
        raise typer.BadParameter(f"--full {does}: name a folder for it with --runs")
