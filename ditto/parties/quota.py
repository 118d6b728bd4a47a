"""How often callers may call a publication. Every node counts for itself, across restarts.

What a caller learns of the weights grows with the results it is given. How many these are, in all and within an hour,
is the owner's to say; who republishes under a name goes on counting.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path

from ditto.errors import DittoError
from ditto.parties.database import open_database

HOUR = 3600.0
_TABLES = """
CREATE TABLE IF NOT EXISTS calls (publication TEXT, caller TEXT, count INTEGER, PRIMARY KEY (publication, caller));
CREATE TABLE IF NOT EXISTS recent (publication TEXT, caller TEXT, at REAL);
CREATE INDEX IF NOT EXISTS of_caller ON recent (publication, caller);
"""


class OverQuota(DittoError):
    """A caller has called as often as it may."""


class Quota:
    """What one node has counted. Threads may share it.

    Args:
        folder: where its file is; in memory without one.

    Raises:
        DittoError: there is a file, and it cannot be read.
    """

    def __init__(self, folder: Path | None) -> None:
        self._lock = threading.Lock()
        path = None if folder is None else folder / "calls.sqlite"
        try:
            self._database = open_database(path, _TABLES)
        except (OSError, sqlite3.Error) as error:
            raise DittoError(f"what callers have called cannot be read from {path}: {error}") from error

    def check(self, publication: str, caller: str, most: int | None, per_hour: int | None) -> None:
        """Whether a caller may call once more.

        Args:
            most, per_hour: how often it may in all, and within an hour; None: as often as it likes.

        Raises:
            OverQuota: it may not.
        """
        with self._lock:
            self._check(publication, caller, most, per_hour)

    def count(self, publication: str, caller: str, most: int | None, per_hour: int | None) -> None:
        """Counts a call; on the disk before this returns.

        Raises:
            OverQuota: as `check`, and then it is not counted.
            sqlite3.Error: it cannot be written.
        """
        with self._lock, self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._check(publication, caller, most, per_hour)
            self._database.execute(
                "INSERT INTO calls VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET count = count + 1", (publication, caller)
            )
            self._database.execute("DELETE FROM recent WHERE at <= ?", (time.time() - HOUR,))
            self._database.execute("INSERT INTO recent VALUES (?, ?, ?)", (publication, caller, time.time()))

    def forget(self, publication: str) -> None:
        """Counts anew what is published under this name from now on."""
        with self._lock, self._database:
            self._database.execute("BEGIN IMMEDIATE")
            for table in ("calls", "recent"):
                self._database.execute(f"DELETE FROM {table} WHERE publication = ?", (publication,))

    def _check(self, publication: str, caller: str, most: int | None, per_hour: int | None) -> None:
        who, now = (publication, caller), time.time()
        counted = self._database.execute("SELECT count FROM calls WHERE publication = ? AND caller = ?", who).fetchone()
        if most is not None and counted is not None and counted[0] >= most:
            raise OverQuota(
                f"runs {publication!r} {most} times for {caller}, which it has; its owner may publish it with more"
            )
        if per_hour is None:
            return
        query = (
            "SELECT at FROM recent WHERE publication = ? AND caller = ? AND at > ? ORDER BY at DESC LIMIT 1 OFFSET ?"
        )
        found = self._database.execute(query, (*who, now - HOUR, per_hour - 1)).fetchone()
        if found is not None:
            raise OverQuota(
                f"runs {publication!r} {per_hour} times an hour for {caller}; the next in {found[0] + HOUR - now:.0f} s"
            )
