"""How much memory this process has held at most."""

from __future__ import annotations

from pathlib import Path


def peak_memory_bytes() -> int:
    """Of this program alone: `getrusage` counts that of the process which started it, too (Linux, across exec).

    It is 0 where it cannot be told, for a process without a free descriptor.
    """
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    [peak] = [line.split() for line in lines if line.startswith("VmHWM:")]
    return int(peak[1]) * 1024
