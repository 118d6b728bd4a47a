"""What a compilation is doing, on stderr where that is a terminal, gone when it is done; elsewhere nothing."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from contextvars import ContextVar

_advance: ContextVar[Callable[[str], None] | None] = ContextVar("spu_ditto_progress", default=None)


@contextlib.contextmanager
def shown(name: str, steps: int) -> Iterator[None]:
    """Shows the compilation of `name` inside the block, which calls `begin` at each of its `steps`."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn("line"), TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(f"compiling {name}", total=steps)

        def advance(what: str) -> None:
            progress.update(task, advance=1, description=f"compiling {name}: {what}")

        token = _advance.set(advance)
        try:
            yield
        finally:
            _advance.reset(token)


def begin(what: str) -> None:
    """Tells what is done from now on."""
    if (advance := _advance.get()) is not None:
        advance(what)
