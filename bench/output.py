"""What a benchmark shows: results on standard output, what it does meanwhile on standard error."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

# The least width of a text beside numbers, in which it is folded.
_TEXT = 12


class Steps:
    """Tells what has been done, a line a step: `[3/10] execution 2 took 0.25 s`."""

    def __init__(self, total: int) -> None:
        self._total, self._numbers = total, itertools.count(1)

    def __call__(self, text: str) -> None:
        """May be called from several threads."""
        say(f"[{next(self._numbers)}/{self._total}] {text}")


def say(text: str) -> None:
    """Tells what goes on."""
    print(text, file=sys.stderr, flush=True)


def with_range(numbers: Mapping[str, Any], form: str = ".2f", scale: float = 1) -> str:
    """What `provenance.spread` tells, times `scale`: the median with the least and the most, or the only number."""
    if len(numbers["all"]) == 1:
        return format(scale * numbers["median"], form)
    median, least, most = (format(scale * numbers[name], form) for name in ("median", "least", "most"))
    return f"{median} ({least} to {most})"


def show(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], texts: int = 1) -> None:
    """Prints a table, or a line for each of its values where the terminal is too narrow: numbers are never cut.

    Args:
        columns: their names.
        rows: a cell a column, "" where there is none.
        texts: how many columns, the first ones, hold texts, which are folded; the others hold numbers.
    """
    console = Console(markup=False, highlight=False)
    table = Table(title=title, title_justify="left")
    for number, column in enumerate(columns):
        longest = max(len(column), *(len(row[number]) for row in rows))
        if number < texts:
            table.add_column(column, overflow="fold", min_width=min(_TEXT, longest))
        else:
            table.add_column(column, justify="right", no_wrap=True, min_width=longest)
    for row in rows:
        table.add_row(*row)
    needed = Measurement.get(console, console.options.update(max_width=10_000), table)
    # A file or a pipe has no width.
    width = console.width if console.is_terminal else max(console.width, needed.maximum)
    if needed.minimum <= width:
        Console(markup=False, highlight=False, width=width).print(table)
        return
    console.print(title, soft_wrap=True)
    for row in rows:
        console.print()
        for column, cell in zip(columns, row, strict=True):
            if cell:
                console.print(f"{column}: {cell}", soft_wrap=True)
