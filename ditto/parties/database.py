"""SQLite files of a node, which its owner alone may read and which are on the disk when they say so."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path


def open_database(path: Path | None, tables: str, settings: Sequence[str] = ()) -> sqlite3.Connection:
    """A database that threads may share, one at a time; each statement is a transaction unless one is begun.

    Args:
        path: its file, made if it is not there; in memory if it is None.
        tables: statements that make what is not there.
        settings: pragmas besides those of a journal that survives a crash.

    Raises:
        OSError, sqlite3.Error: there is a file, and it cannot be read.
    """
    if path is not None:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    database = sqlite3.connect(":memory:" if path is None else path, check_same_thread=False, isolation_level=None)
    for setting in ("journal_mode = WAL", "synchronous = FULL", *settings):
        database.execute(f"PRAGMA {setting}")
    database.executescript(tables)
    return database
