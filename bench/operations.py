#!/usr/bin/env python3
"""Which functions of `jax.numpy`, `jax.nn` and `jax.lax` run on shares: in which dtypes, at what cost, how exactly.

    python bench/operations.py [--markdown docs/operations.md] [--json FILE] [--only sort,top_k] [--spu]

Every function of `tests/conformance/jnp_operations.py` runs in the simulator on secrets of every dtype, and beside it,
with --spu, in SPU 0.9.5 (ABY3, FM64). "right" is within 2^-10 relative or 4 units, or what a function states besides.
Bits and rounds are those of all parties in one call, bits for each element of the first result, float32 where there is
one. The error is the largest in that dtype, absolute.
"""

from __future__ import annotations

import concurrent.futures
import json as json_format
import multiprocessing
import re
import sys
from collections import Counter
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import jax
import numpy as np
import typer
from commandline import run_command
from output import Steps
from provenance import provenance

import spu_ditto
from spu_ditto import spu_compiler
from tests.conformance.jnp_operations import FUNCTIONS, Function
from tests.conformance.outcome import REFUSALS, Outcome
from tests.conformance.spu_functions import SPU_FUNCTIONS
from tests.conformance.spu_service import SpuService

LISTS = {"functions": FUNCTIONS, "spu_functions": SPU_FUNCTIONS}


@dataclass(frozen=True)
class Row:
    """What became of one function in one dtype: "right", "refused", "wrong" or "failed" (an internal error).

    `spu` says the same of SPU, or "" where it was not asked.
    """

    function: str
    dtype: str
    status: str
    reason: str = ""
    bits: float = 0.0
    rounds: int = 0
    error: float = 0.0
    spu: str = ""


def judge(function: Function, inputs: list[Any], results: list[Any]) -> tuple[str, str, float]:
    """Status, reason and the largest error of results."""
    expected = function.expected(inputs)
    try:
        Outcome(results).check(expected, function.allowed(expected, results))
    except AssertionError as error:
        return "wrong", str(error), 0.0
    with np.errstate(invalid="ignore"):
        off = [np.abs(x.astype(np.float64) - y.astype(np.float64)) for x, y in zip(results, expected, strict=True)]
    return "right", "", max((float(np.nanmax(x, initial=0.0)) for x in off), default=0.0)


def run(function: Function, dtype: str) -> Row:
    """One function on secrets of one dtype, in the simulator."""
    inputs = function.inputs(dtype)
    try:
        results, report = spu_ditto.compile(function.function, ring_policy="ditto").run(*inputs)
    except REFUSALS as error:
        # Without the place in this file.
        return Row(function.name, dtype, "refused", re.sub(r" \(JAX operation .*", "", str(error).splitlines()[0]))
    except Exception as error:
        return Row(function.name, dtype, "failed", f"{type(error).__name__}: {error}")
    arrays = [np.asarray(leaf) for leaf in jax.tree_util.tree_leaves(results)]
    status, reason, error = judge(function, inputs, arrays)
    bits = 8 * (report.offline_bytes + report.online_bytes) / max(1, arrays[0].size)
    return Row(function.name, dtype, status, reason, bits, report.rounds, error)


def run_in_spu(listed: str, name: str, dtype: str) -> str:
    """The same of SPU: "right", "wrong" or "refused"."""
    import spu
    from spu.utils import simulation

    [function] = [f for f in LISTS[listed] if f.name == name]
    inputs = function.inputs(dtype)
    simulator = simulation.Simulator.simple(3, spu.ProtocolKind.ABY3, spu.FieldType.FM64)
    try:
        results = simulation.sim_jax(simulator, function.function)(*inputs)
    except Exception:
        return "refused"
    arrays = [np.asarray(leaf) for leaf in jax.tree_util.tree_leaves(results)]
    return judge(function, inputs, arrays)[0]


class Spu:
    """SPU in a process of its own, which some programs kill."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pool = concurrent.futures.ProcessPoolExecutor(1, mp_context=context)

    def run(self, listed: str, name: str, dtype: str) -> str:
        """What becomes of a function of one of the `LISTS`: as `run_in_spu`, or "died"."""
        try:
            return self._pool.submit(run_in_spu, listed, name, dtype).result()
        except BrokenProcessPool:
            self._start()
            return "died"

    def close(self) -> None:
        self._pool.shutdown()


def markdown(rows: list[Row]) -> str:
    """The page: a line a function."""
    lines = [
        "# Operations",
        "",
        "Functions of `jax.numpy`, `jax.nn` and `jax.lax` on secrets, one line each, made by `bench/operations.py`:",
        "the dtypes in which a function runs and is right, what one call sends for each element of its result (all",
        "parties, offline and online) in how many rounds, and the largest error seen in float32 (or the first dtype",
        "that runs), on inputs of a few units. Small arrays are dear: constants of a call are spread over few",
        "elements, and the guard compares every product for certain. Where a function is refused, the reason stands",
        "below.",
        "",
        "| function | runs in | refused in | bits an element | rounds | largest error |",
        "|---|---|---|---:|---:|---:|",
    ]
    names = list(dict.fromkeys(row.function for row in rows))
    reasons: dict[str, list[str]] = {}
    for name in names:
        mine = [row for row in rows if row.function == name]
        right = [row for row in mine if row.status == "right"]
        refused = [row for row in mine if row.status != "right"]
        for row in refused:
            reasons.setdefault(row.reason.replace("|", "\\|"), []).append(f"{name} ({row.dtype})")
        numbers = " | | "
        if right:
            best = right[0]
            numbers = f"{best.bits:,.0f} | {best.rounds} | {best.error:.1g}"
        dtypes = (" ".join(row.dtype for row in some) for some in (right, refused))
        lines.append(f"| {name} | {' | '.join(dtypes)} | {numbers} |")
    lines += ["", "## Why some are refused", ""]
    lines += [f"- {', '.join(users)}: {reason}" for reason, users in reasons.items()]
    return "\n".join(lines) + "\n"


def main(
    markdown_file: Annotated[Path | None, typer.Option("--markdown", help="Write the page here.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write everything here.")] = None,
    only: Annotated[str, typer.Option(help="Names of functions, separated by commas.")] = "",
    spu: Annotated[bool, typer.Option("--spu", help="Run SPU too.")] = False,
) -> None:
    """Runs every function in every dtype and says what runs."""
    made_with = provenance(locals(), [])
    service = SpuService()
    # One compiler for all programs: its start is most of a small one's time.
    spu_compiler._run = service.compile  # noqa: SLF001
    wanted = set(only.split(",")) if only else set()
    cases = [(f, dtype) for f in FUNCTIONS if not wanted or f.name in wanted for dtype in f.dtypes]
    other = Spu() if spu else None
    rows, done = [], Steps(len(cases))
    for function, dtype in cases:
        row = run(function, dtype)
        if other is not None:
            row = Row(**{**asdict(row), "spu": other.run("functions", function.name, dtype)})
        rows.append(row)
        done(f"{row.function} {row.dtype}: {row.status}")
    service.close()
    if other is not None:
        other.close()
    if json is not None:
        json.write_text(json_format.dumps({"made_with": made_with, "rows": [asdict(row) for row in rows]}, indent=1))
    if markdown_file is not None:
        markdown_file.write_text(markdown(rows))
    for row in rows:
        if row.status in ("wrong", "failed") or (row.spu == "right" and row.status != "right"):
            print(f"{row.function} {row.dtype}: {row.status}: {row.reason}")
    print(dict(Counter(row.status for row in rows)))
    if other is not None:
        print("SPU:", dict(Counter(row.spu for row in rows)))
        both = [row for row in rows if row.spu == "right"]
        print(f"of {len(both)} that SPU has right, {sum(row.status == 'right' for row in both)} are right here")
    if any(row.status in ("wrong", "failed") for row in rows):
        sys.exit(1)


if __name__ == "__main__":
    run_command(main)
