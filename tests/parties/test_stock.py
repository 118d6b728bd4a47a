"""Runs that were dealt ahead: kept sealed, and used once, whatever happens."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from ditto.parties.stock import Stock, StockError

KEY = bytes(range(32))
MODEL, OTHER = b"m" * 32, b"o" * 32


def put(stock: Stock, item: bytes, digest: bytes = MODEL, program: int = 0, stream: bytes = b"stream") -> None:
    stock.put(item, "triage", digest, program, item * 16, stream)


@pytest.mark.parametrize("stored", [True, False], ids=["folder", "memory"])
def test_the_oldest_goes_first_and_each_once(tmp_path: Path, stored: bool) -> None:
    stock = Stock(tmp_path if stored else None, KEY)
    big = os.urandom(9 << 20)
    for item in (b"b", b"a", b"c"):
        put(stock, item, stream=big + item)
    put(stock, b"d", program=1)
    assert stock.counts(MODEL, 3) == [3, 1, 0] and stock.counts(OTHER, 1) == [0]
    assert stock.take(MODEL, 0) == (b"b", b"b" * 16, big + b"b")
    assert stock.take(MODEL, 0, b"c") == (b"c", b"c" * 16, big + b"c")
    assert stock.take(MODEL, 0, b"c") is None and stock.take(MODEL, 1, b"a") is None and stock.take(OTHER, 0) is None
    assert stock.take(MODEL, 0) == (b"a", b"a" * 16, big + b"a")
    assert stock.take(MODEL, 0) is None and stock.counts(MODEL, 2) == [0, 1]


def test_what_is_stored_is_sealed_and_there_again(tmp_path: Path) -> None:
    secret = b"what P0 has dealt for a run, which nobody may read"
    put(Stock(tmp_path, KEY), b"a", stream=secret)
    for path in tmp_path.iterdir():
        content = path.read_bytes()
        assert secret not in content and b"a" * 16 not in content
        assert path.stat().st_mode & 0o077 == 0, path
    assert Stock(tmp_path, KEY).take(MODEL, 0) == (b"a", b"a" * 16, secret)


def test_what_the_other_party_lacks_is_removed(tmp_path: Path) -> None:
    stock = Stock(tmp_path, KEY)
    for item in (b"a", b"b", b"c"):
        put(stock, item)
    put(stock, b"d", digest=OTHER)
    assert stock.items(MODEL) == [b"a", b"b", b"c"]
    stock.keep_only(MODEL, [b"b", b"x"])
    assert stock.items(MODEL) == [b"b"] and stock.items(OTHER) == [b"d"]


def test_another_key_is_named_and_burns(tmp_path: Path) -> None:
    put(Stock(tmp_path, KEY), b"a")
    stock = Stock(tmp_path, bytes(32))
    with pytest.raises(StockError, match="damaged, or of another key"):
        stock.take(MODEL, 0)
    assert Stock(tmp_path, KEY).take(MODEL, 0) is None


def test_a_file_that_is_no_stock_is_named(tmp_path: Path) -> None:
    (tmp_path / "stock.sqlite").write_bytes(b"nothing that SQLite has written, though longer than its header" * 99)
    with pytest.raises(StockError, match="cannot be read: .*remove it, and deal anew"):
        Stock(tmp_path, KEY)


def test_there_is_a_limit(tmp_path: Path) -> None:
    stock = Stock(tmp_path, KEY, limit=100)
    put(stock, b"a", stream=bytes(40))
    with pytest.raises(StockError, match="at most"):
        put(stock, b"b", stream=bytes(40))
    assert stock.counts(MODEL, 1) == [1]
    assert stock.take(MODEL, 0) is not None
    put(stock, b"b", stream=bytes(40))


def test_other_versions_of_a_publication_are_forgotten(tmp_path: Path) -> None:
    stock = Stock(tmp_path, KEY)
    put(stock, b"a")
    put(stock, b"b", digest=OTHER)
    stock.forget("triage", but=OTHER)
    assert stock.take(MODEL, 0) is None and stock.counts(OTHER, 1) == [1]
    stock.forget("triage")
    assert stock.counts(OTHER, 1) == [0]


@pytest.mark.parametrize("place", ["before", "after"])
def test_a_crash_burns_no_less_than_was_told(tmp_path: Path, place: str) -> None:
    """A process that is killed right before the journal is written has told nothing; right after it, all is burnt."""
    put(Stock(tmp_path, KEY), b"a")
    script = f"""
        import os, signal, sys
        sys.path[:0] = {sys.path!r}
        from pathlib import Path
        from ditto.parties.stock import Stock

        stock = Stock(Path({str(tmp_path)!r}), bytes(range(32)))
        class Dying:
            def __init__(self, database): self.database = database
            def execute(self, text, *values):
                if text == "COMMIT" and {place == "before"}: os.kill(os.getpid(), signal.SIGKILL)
                result = self.database.execute(text, *values)
                if text == "COMMIT": os.kill(os.getpid(), signal.SIGKILL)
                return result
        stock._database = Dying(stock._database)
        stock.take({MODEL!r}, 0)
        print("told")
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True)
    assert done.returncode == -9 and done.stdout == "", done.stderr
    left = Stock(tmp_path, KEY).counts(MODEL, 1)
    assert left == ([1] if place == "before" else [0])
