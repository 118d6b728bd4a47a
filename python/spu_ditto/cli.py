"""Command line, `spu-ditto` or `python -m spu_ditto`: what the passes make of a PPHLO file; the cache on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from ditto.dialects import pphlo
from ditto.dialects.mlir_text import print_module
from ditto.passes.pipeline import run_pipeline
from spu_ditto import disk_cache
from spu_ditto.errors import DittoError
from spu_ditto.lowering import get_policy

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def main() -> None:
    """Tools for programs of spu_ditto."""


@app.command()
def opt(
    file: Annotated[Path, typer.Argument(help="PPHLO text, as SPU's compiler gives it.", exists=True, dir_okay=False)],
    policy: Annotated[str, typer.Option(help="Ring policy: ditto or fm64.")] = "ditto",
    print_between_passes: Annotated[bool, typer.Option(help="Show the program after every pass.")] = False,
    time_passes: Annotated[bool, typer.Option(help="Show how long each pass took.")] = False,
) -> None:
    """Runs the passes on a file and prints the result, in the ring dialect."""
    seconds: list[tuple[str, float]] = []

    def after_pass(done: ModulePass, module: ModuleOp, elapsed: float) -> None:
        seconds.append((done.name, elapsed))
        if print_between_passes:
            print(f"// ----- after {done.name} -----\n{print_module(module)}")

    try:
        module = pphlo.parse_module(file.read_text(), str(file))
        run_pipeline(module, get_policy(policy), after_pass=after_pass)
    except DittoError as error:
        Console(stderr=True).print(f"error: {error}", style="red", markup=False, highlight=False)
        raise typer.Exit(1) from error
    if not print_between_passes:
        print(print_module(module))
    if time_passes:
        table = Table("pass", "seconds", title="Time per pass")
        for name, elapsed in [*seconds, ("total", sum(s for _, s in seconds))]:
            table.add_row(name, f"{elapsed:.3f}")
        Console(stderr=True).print(table)


@app.command()
def cache(clear: Annotated[bool, typer.Option(help="Remove everything from it.")] = False) -> None:
    """Shows what compiled programs the cache on disk holds, or clears it."""
    found = disk_cache.clear() if clear else disk_cache.entries()
    size = sum(entry.size for entry in found)
    print(f"{disk_cache.directory()}: {'removed ' if clear else ''}{len(found)} entries, {size / 1e6:.1f} MB", end="")
    print("" if clear else f" of at most {disk_cache.LIMIT_BYTES / 1e6:.0f} MB; --clear removes them")


if __name__ == "__main__":
    app()
