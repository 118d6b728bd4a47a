"""What was compiled before, on disk: files named by the content they were made from, the least recently used go first.

The folder is $SPU_DITTO_CACHE, or `spu-ditto` where the system keeps caches (~/.cache on Linux); deleting it is safe,
and `spu-ditto cache` shows and clears it. A folder of another user is not used. What is read is text or a zip archive
of texts and plain arrays, never code. Entries hold programs, and no argument of any call; what a program must not bring
here is `frontend.py`'s to say (`Exported.captured`).
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import re
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import platformdirs

import ditto
from ditto import _core

LIMIT_BYTES = 1 << 30

_TEMPORARY = "spu-ditto-"
_OURS = re.compile(rf"[0-9a-f]{{64}}\.\w+|{_TEMPORARY}.*")


@dataclass(frozen=True)
class Entry:
    """A file of the cache: `used` is when it was read or written last, in seconds since 1970."""

    path: Path
    size: int
    used: float


def directory() -> Path:
    """The folder of the cache; it need not exist."""
    own = os.environ.get("SPU_DITTO_CACHE")
    return Path(own) if own else platformdirs.user_cache_path("spu-ditto", appauthor=False)


@functools.cache
def versions() -> tuple[str, ...]:
    """What else an entry depends on: SPU, JAX, the text of this compiler, and the engine, which it asks for costs."""
    sources = hashlib.sha256(Path(_core.__file__).read_bytes())
    for root in (*map(Path, ditto.__path__), Path(__file__).parent):
        for path in sorted(root.rglob("*.py")):
            sources.update(path.read_bytes())
    return version("spu"), version("jax"), sources.hexdigest()


def name_of(kind: str, identity: Sequence[Any]) -> str:
    """The name of the entry that is made from `identity`, which is JSON-serialisable."""
    return f"{hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()}.{kind}"


def read(name: str) -> bytes | None:
    """An entry, which counts as used from now on; None if there is none."""
    path = directory() / name
    try:
        if path.parent.stat().st_uid != os.getuid():
            return None
        content = path.read_bytes()
        os.utime(path)
        return content
    except OSError:
        return None


def write(name: str, content: bytes) -> None:
    """Adds an entry, whole or not at all. If that is impossible, there is a warning."""
    folder = directory()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_uid != os.getuid():
            raise PermissionError(f"{folder} belongs to another user")
        with tempfile.NamedTemporaryFile(dir=folder, prefix=_TEMPORARY, delete=False) as file:
            file.write(content)
        os.replace(file.name, folder / name)
    except OSError as error:
        warnings.warn(f"the compiled program is not cached: {error}", stacklevel=2)
        return
    _shrink(LIMIT_BYTES)


def entries() -> list[Entry]:
    """All entries, the least recently used first; other files in the folder are none."""
    found = []
    for path in directory().glob("*"):
        if _OURS.fullmatch(path.name):
            # Another process may clear the cache meanwhile.
            with contextlib.suppress(FileNotFoundError):
                status = path.stat()
                found.append(Entry(path, status.st_size, status.st_mtime))
    return sorted(found, key=lambda entry: entry.used)


def clear() -> list[Entry]:
    """Removes all entries and returns them."""
    return _remove(entries())


def _shrink(limit: int) -> None:
    oldest = entries()
    spare = limit - sum(entry.size for entry in oldest)
    for entry in oldest:
        if spare >= 0:
            break
        spare += entry.size
        _remove([entry])


def _remove(found: list[Entry]) -> list[Entry]:
    for entry in found:
        entry.path.unlink(missing_ok=True)
    return found
