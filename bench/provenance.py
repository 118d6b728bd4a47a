"""What a result of a benchmark was made with, so that it can be made again."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PACKAGES = ("flax", "jax", "numpy", "spu", "transformers", "xdsl")


def provenance(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON-serialisable description: arguments, versions, commit (None outside a checkout), host and date (UTC)."""
    return {
        "arguments": {
            name: value if isinstance(value, int | float) else str(value) for name, value in arguments.items()
        },
        "versions": {"python": platform.python_version(), **{p: importlib.metadata.version(p) for p in PACKAGES}},
        "commit": _commit(),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def _commit() -> str | None:
    """The checked-out commit, marked if files differ from it."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
