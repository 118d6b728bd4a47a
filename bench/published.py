"""Figures that papers report, from bench/data/published.toml: the one place where they stand."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

# Where a table has a column for a figure that nobody is known to have reported.
NOT_FOUND = "not found"


def published(name: str) -> dict[str, Any]:
    """What is known of a paper's table, with its `source` and `setting`."""
    tables = tomllib.loads((Path(__file__).parent / "data" / "published.toml").read_text())
    table: dict[str, Any] = tables[name]
    return table


def cell(number: float | None, form: str = ".2f") -> str:
    """A published figure, or that it was not found."""
    return NOT_FOUND if number is None else format(number, form)
