#!/usr/bin/env python3
"""The tables of README.md, from one command: bench/bert_glue.py over models, lengths and batch sizes.

    python bench/tables.py                    # about half an hour on two cores
    python bench/tables.py --only targets     # BERT-base against SPU alone

Every row is a run of bench/bert_glue.py in a process of its own; `--keep DIR` keeps their JSON files.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from commandline import run_command
from output import with_range
from rich.console import Console

console = Console(stderr=True)

BERT = ("--model", "bert-base", "--random-weights")


@dataclass(frozen=True)
class Row:
    """One run: what it is called in the table, and the arguments of bench/bert_glue.py."""

    name: str
    arguments: tuple[str, ...]


TARGETS = (
    Row("BERT-base, 128 tokens", (*BERT, "--seq-len", "128", "--calibrate", "--baseline", "spu")),
    Row("the same, uncalibrated", (*BERT, "--seq-len", "128")),
    Row("the same, `--gelu quad`", (*BERT, "--seq-len", "128", "--calibrate", "--gelu", "quad")),
    Row("the same, `--policy fm64`", (*BERT, "--seq-len", "128", "--policy", "fm64")),
    Row("MiniLM (real weights), 32 tokens", ("--calibrate",)),
    Row("the same, uncalibrated", ()),
)
SHAPES = (
    *(Row(f"BERT-base, {n} tokens", (*BERT, "--seq-len", str(n))) for n in (32, 64, 128, 256, 512)),
    *(Row(f"BERT-base, {n} tokens, batch 8", (*BERT, "--seq-len", str(n), "--batch", "8")) for n in (32, 64, 128)),
    Row("BERT-large, 128 tokens", ("--model", "bert-large", "--random-weights", "--seq-len", "128")),
    Row("GPT2, 32 tokens", ("--model", "gpt2", "--random-weights", "--seq-len", "32")),
    Row("ViT-base, 224 x 224", ("--model", "vit", "--random-weights")),
)


class Part(StrEnum):
    targets = "targets"
    shapes = "shapes"


def run(row: Row, folder: Path) -> dict[str, Any]:
    """Runs one row and returns its JSON."""
    console.print(f"running {row.name}")
    file = folder / ("".join(c if c.isalnum() else "_" for c in row.name) + ".json")
    script = Path(__file__).with_name("bert_glue.py")
    subprocess.run([sys.executable, str(script), *row.arguments, "--json", str(file)], check=True, stdout=sys.stderr)
    result: dict[str, Any] = json.loads(file.read_text())
    return result


def markdown(rows: Sequence[Row], results: Sequence[dict[str, Any]]) -> str:
    """Bytes of all parties and rounds of an inference, seconds of an execution; in brackets the least and the most."""
    lines = [
        "| | MB total | MB online | sent by P0 / P1 / P2 | rounds | seconds | online alone | peak memory, GB | error |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row, r in zip(rows, results, strict=True):
        sent = " / ".join(f"{b / 1e6:.0f}" for b in r["bytes"]["per_party_sent"])
        total, online = (with_range(r["spread"][part]) for part in ("total", "online"))
        memory = "" if r["peak_rss_bytes"] is None else f"{r['peak_rss_bytes'] / 1e9:.1f}"
        lines.append(
            f"| {row.name} | {r['bytes']['total'] / 1e6:.0f} | {r['bytes']['online'] / 1e6:.0f} | {sent} | "
            f"{r['rounds']:.0f} | {total} | {online} | {memory} | "
            f"{with_range(r['max_abs_error'], scale=100)} % |"
        )
        if r["baseline"]:
            b = r["baseline"]
            megabytes, error = f"{b['bytes_total'] / 1e6:.0f}", f"{100 * b['max_abs_error']:.2f} %"
            total = with_range(b["spread"], ".1f")
            lines.append(f"| SPU with PUMA's functions, same run | {megabytes} | | | | {total} | | | {error} |")
    return "\n".join(lines)


def main(
    only: Annotated[Part | None, typer.Option(help="One of the two tables.")] = None,
    keep: Annotated[Path | None, typer.Option(help="Keep the JSON of every row here.")] = None,
) -> None:
    """Prints the tables as Markdown; progress goes to standard error."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for part, rows in ((Part.targets, TARGETS), (Part.shapes, SHAPES)):
            if only in (None, part):
                print(markdown(rows, [run(row, folder) for row in rows]), end="\n\n", flush=True)


if __name__ == "__main__":
    run_command(main)
