"""What a result of a benchmark was made with, so that it can be made again."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ditto.parties.accounting import threads_of_a_local_party
from ditto.parties.machine import cpu
from ditto.parties.wire import version

PACKAGES = ("flax", "jax", "jaxlib", "numpy", "spu", "transformers", "xdsl")


def provenance(arguments: Mapping[str, Any], seeds: Sequence[int]) -> dict[str, Any]:
    """A JSON-serialisable description of what makes the results of a benchmark.

    Args:
        arguments: those of its `main`.
        seeds: of weights, inputs and whatever else is drawn at random; shares are drawn anew in every run.

    Returns:
        These, the command, versions, commit (None outside a checkout), system, processor, the cores that this process
        may use, the threads of a party on this machine, how busy that has been (processes that ran or wanted to, means
        of 1, 5 and 15 minutes), and the date (UTC).
    """
    return {
        "command": sys.argv,
        "arguments": {name: _plain(value) for name, value in arguments.items()},
        "seeds": list(seeds),
        "versions": {
            "python": platform.python_version(),
            "spu-ditto": version(),
            **{package: importlib.metadata.version(package) for package in PACKAGES},
        },
        "commit": _commit(),
        "system": platform.platform(),
        "cpu": cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "threads": threads_of_a_local_party(),
        "load": [round(load, 2) for load in os.getloadavg()],
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def spread(numbers: Sequence[float]) -> dict[str, Any]:
    """The times of runs, or their errors: the median, the least and the most, and all of them in their order."""
    return {
        "median": statistics.median(numbers),
        "least": min(numbers),
        "most": max(numbers),
        "all": list(numbers),
    }


def _plain(value: Any) -> Any:
    """An argument as JSON has it."""
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def _commit() -> str | None:
    """The checked-out commit, marked if files differ from it."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
