"""What a node keeps of runs that were dealt before their inputs are known, each of which is good for one run.

Two runs of the same dealing would have the same masks and tell the difference of their inputs. So whoever takes one out
has burnt it: it is gone from the disk, which has said so, before anybody is told a mask of it. SQLite's journal sees to
that, whatever crashes when.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ditto.errors import DittoError
from ditto.parties.database import open_database

# What a node keeps at most, in bytes.
LIMIT_BYTES = 20 * 10**9

# What a run is called has so many bytes, its key with P0 as well.
ITEM_BYTES = 16
_KEY = 16

_NONCE = 12
_BLOCK = 1 << 22
_TABLES = """
CREATE TABLE IF NOT EXISTS runs (item BLOB PRIMARY KEY, publication TEXT, digest BLOB, program INTEGER, bytes INTEGER);
CREATE TABLE IF NOT EXISTS blocks (item BLOB, place INTEGER, sealed BLOB, PRIMARY KEY (item, place));
"""


class StockError(DittoError):
    """Stock that cannot be kept or read."""


class Stock:
    """The stock of one node, encrypted (AES-256-GCM). Threads may share it.

    Args:
        folder: where its file is; in memory without one.
        key: 32 bytes; a fresh one without a folder.
        limit: of bytes.

    Raises:
        StockError: there is a file, and it cannot be read.
    """

    def __init__(self, folder: Path | None, key: bytes | None, limit: int = LIMIT_BYTES) -> None:
        self._cipher = AESGCM(key if key is not None else os.urandom(32))
        self._limit = limit
        self._lock = threading.Lock()
        path = None if folder is None else folder / "stock.sqlite"
        try:
            self._database = open_database(path, _TABLES, ["secure_delete = ON"])
        except (OSError, sqlite3.Error) as error:
            raise StockError(f"the stock in {path} cannot be read: {error}; remove it, and deal anew") from error

    def put(self, item: bytes, publication: str, digest: bytes, program: int, key: bytes, stream: bytes) -> None:
        """Keeps this party's part of a run that was dealt.

        Args:
            item: what it is called, of ITEM_BYTES bytes.
            publication, digest, program: what it is a run of.

        Raises:
            StockError: there is no room for it, by the limit or on the disk.
        """
        secret = key + stream
        with self._writing():
            [held] = self._database.execute("SELECT coalesce(sum(bytes), 0) FROM runs").fetchone()
            if held + len(secret) > self._limit:
                raise StockError(f"the stock has {held / 1e9:.1f} GB of at most {self._limit / 1e9:.1f} GB")
            run = (item, publication, digest, program, len(secret))
            self._database.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?)", run)
            for place, start in enumerate(range(0, len(secret), _BLOCK)):
                sealed = self._sealed(item, place, secret[start : start + _BLOCK])
                self._database.execute("INSERT INTO blocks VALUES (?, ?, ?)", (item, place, sealed))

    def take(self, digest: bytes, program: int, item: bytes | None = None) -> tuple[bytes, bytes, bytes] | None:
        """Burns a run of this program, and gives its name, this party's key, and the stream; None if there is none.

        Args:
            item: this one; otherwise the one that has been here longest.

        Raises:
            StockError: it is damaged, or of another key. It is burnt all the same.
        """
        chosen, given = ("AND item = ?", (item,)) if item is not None else ("ORDER BY rowid LIMIT 1", ())
        with self._writing():
            query = f"SELECT item FROM runs WHERE digest = ? AND program = ? {chosen}"
            found = self._database.execute(query, (digest, program, *given)).fetchone()
            if found is None:
                return None
            [item] = found
            blocks = self._database.execute("SELECT place, sealed FROM blocks WHERE item = ? ORDER BY place", (item,))
            sealed = blocks.fetchall()
            self._remove("item = ?", item)
        try:
            secret = b"".join(self._opened(item, place, block) for place, block in sealed)
        except InvalidTag as error:
            raise StockError("the stock is damaged, or of another key") from error
        return item, secret[:_KEY], secret[_KEY:]

    def counts(self, digest: bytes, programs: int) -> list[int]:
        """How many runs there are of each program of a publication."""
        with self._lock:
            query = "SELECT program, count(*) FROM runs WHERE digest = ? GROUP BY program"
            held = dict(self._database.execute(query, (digest,)).fetchall())
        return [held.get(program, 0) for program in range(programs)]

    def items(self, digest: bytes) -> list[bytes]:
        """What the runs of a publication are called."""
        with self._lock:
            return [item for (item,) in self._database.execute("SELECT item FROM runs WHERE digest = ?", (digest,))]

    def keep_only(self, digest: bytes, items: Sequence[bytes]) -> None:
        """Removes the runs of a publication that are not among these."""
        for item in set(self.items(digest)) - set(items):
            with self._writing():
                self._remove("item = ?", item)

    def forget(self, publication: str, but: bytes | None = None) -> None:
        """Removes the runs of a publication, except for those of the version with this digest."""
        with self._writing():
            self._remove("publication = ? AND digest IS NOT ?", publication, but)

    # ------------------------------------------------------------------------------------------------ the file

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """All that is written inside the `with` block is on the disk after it, or nothing of it."""
        with self._lock:
            try:
                self._database.execute("BEGIN IMMEDIATE")
                try:
                    yield
                    self._database.execute("COMMIT")
                except BaseException:
                    self._database.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                raise StockError(f"the stock cannot be written: {error}") from error

    def _remove(self, which: str, *values: object) -> None:
        self._database.execute(f"DELETE FROM blocks WHERE item IN (SELECT item FROM runs WHERE {which})", values)
        self._database.execute(f"DELETE FROM runs WHERE {which}", values)

    def _sealed(self, item: bytes, place: int, block: bytes) -> bytes:
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, block, b"%d " % place + item)

    def _opened(self, item: bytes, place: int, sealed: bytes) -> bytes:
        return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], b"%d " % place + item)
