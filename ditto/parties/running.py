"""Which process of this machine runs the nodes of a configuration: the one that holds the lock of a file beside it.

The system tells who holds a lock, and takes it back when that process ends, however it ends. So nothing is written down
that could be out of date, such as the number of a process that is another one's by now. The file is empty, and stays.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import struct
from collections.abc import Iterator
from pathlib import Path

from ditto.errors import RuntimeFailure

# struct flock of 64-bit Linux: type, whence, start, length, process.
_FLOCK = "hhqqi4x"
# How long nodes may take to end their sessions, in seconds.
_PATIENCE = 60.0


@contextlib.contextmanager
def running(config: Path) -> Iterator[None]:
    """Says, inside the `with` block, that this process runs the nodes of a configuration file.

    Raises:
        RuntimeFailure: another process does.
        OSError: the file of the lock cannot be written.
    """
    path = _lock_of(config)
    with path.open("w") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RuntimeFailure(
                f"process {_holder(path)} runs the nodes of {config} already; "
                f"`spu-ditto stop --config {config}` ends them"
            ) from error
        yield


def stop(config: Path, patience: float = _PATIENCE) -> int:
    """Ends the process that runs the nodes of a configuration file, and waits for it; returns its number.

    Raises:
        RuntimeFailure: there is none, it is another user's or out of sight (in another container), or does not end.
    """
    path = _lock_of(config)
    process = _holder(path)
    if process is None:
        raise RuntimeFailure(f"no `spu-ditto up --config {config}` runs on this machine")
    if process == 0:
        raise RuntimeFailure(f"what runs the nodes of {config} cannot be seen from here; stop it where it was started")
    try:
        handle = os.pidfd_open(process)
    except ProcessLookupError:
        return process
    try:
        # Numbers of processes are given anew, handles are not: this one is the holder's if that still is the one.
        if _holder(path) != process:
            return process
        signal.pidfd_send_signal(handle, signal.SIGTERM)
        if not select.select([handle], [], [], patience)[0]:
            raise RuntimeFailure(f"process {process} was told to stop, and goes on after {patience:.0f} s")
    except PermissionError as error:
        raise RuntimeFailure(f"process {process}, which runs the nodes of {config}, is another user's") from error
    finally:
        os.close(handle)
    return process


def _lock_of(config: Path) -> Path:
    return config.resolve().with_suffix(".up")


def _holder(path: Path) -> int | None:
    """The process that holds the lock of a file; 0 if it cannot be seen from here."""
    try:
        with path.open() as file:
            asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
            kind, _, _, _, process = struct.unpack(_FLOCK, fcntl.fcntl(file, fcntl.F_GETLK, asked))
    except FileNotFoundError:
        return None
    return None if kind == fcntl.F_UNLCK else max(int(process), 0)
