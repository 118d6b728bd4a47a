#!/usr/bin/env python3
"""One rank of SPU 0.9.5 in a process of its own, connected to the others over TCP; bench/spu_ranks.py starts three:
    python bench/spu_rank.py RANK HOST:PORT HOST:PORT HOST:PORT
Standard input has pickles: configuration and executable as SPU serialises them, repetitions, this rank's share of each
input. The last line of standard output is a pickle of seconds and shares of results, in hexadecimal.
"""

from __future__ import annotations

import pickle
import sys
import time
from typing import Annotated

import spu
import typer
from commandline import run_command
from spu import libspu

# How long a rank may compute between two messages, in milliseconds.
PATIENCE = 600_000


def main(
    rank: Annotated[int, typer.Argument(help="Which of the ranks this is.")],
    addresses: Annotated[list[str], typer.Argument(help="HOST:PORT of each rank.")],
) -> None:
    """Runs a program that standard input describes; bench/spu_ranks.py starts it."""
    config, executable = libspu.RuntimeConfig(), spu.Executable()
    config.ParseFromString(pickle.load(sys.stdin.buffer))
    executable.ParseFromString(pickle.load(sys.stdin.buffer))
    repetitions = pickle.load(sys.stdin.buffer)
    description = libspu.link.Desc()
    description.recv_timeout_ms = description.http_timeout_ms = PATIENCE
    for number, address in enumerate(addresses):
        description.add_party(f"id_{number}", address)
    link = libspu.link.create_brpc(description, rank)
    runtime = spu.Runtime(link, config)
    for name in executable.input_names:
        runtime.set_var(name, pickle.load(sys.stdin.buffer))
    seconds = []
    for _ in range(repetitions):
        link.barrier()
        started = time.perf_counter()
        runtime.run(executable)
        seconds.append(time.perf_counter() - started)
    outputs = [runtime.get_var(name) for name in executable.output_names]
    link.stop_link()
    print(f"\n{pickle.dumps((seconds, outputs)).hex()}", flush=True)


if __name__ == "__main__":
    run_command(main)
