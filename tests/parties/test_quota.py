"""How often callers may call: counted for each, across restarts, and within an hour."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from ditto.errors import DittoError
from ditto.parties import quota
from ditto.parties.quota import HOUR, OverQuota, Quota


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1e9]
    monkeypatch.setattr(quota.time, "time", lambda: now[0])
    return now


def test_all_calls_of_each_caller(tmp_path: Path) -> None:
    for _ in range(2):
        counted = Quota(tmp_path)
        counted.count("m", "a", 2, None)
        counted.count("m", "b", None, None)
    for refusing in (counted.check, counted.count, Quota(tmp_path).check):
        with pytest.raises(OverQuota, match="runs 'm' 2 times for a"):
            refusing("m", "a", 2, None)
    counted.check("m", "a", 3, None)
    counted.count("n", "a", 1, None)
    counted.forget("m")
    counted.count("m", "a", 1, None)


def test_calls_within_an_hour(clock: list[float]) -> None:
    counted = Quota(None)
    for _ in range(3):
        counted.count("m", "a", None, 3)
        clock[0] += 100
    with pytest.raises(OverQuota, match=r"runs 'm' 3 times an hour for a; the next in 3300 s"):
        counted.count("m", "a", None, 3)
    clock[0] += HOUR - 300
    counted.count("m", "a", None, 3)
    with pytest.raises(OverQuota, match="the next in 100 s"):
        counted.check("m", "a", None, 3)
    # What was refused has not been counted.
    with pytest.raises(OverQuota, match="runs 'm' 4 times"):
        counted.check("m", "a", 4, None)
    counted.check("m", "a", 5, None)


def test_callers_at_once_get_no_more(tmp_path: Path) -> None:
    counted, passed = Quota(tmp_path), []

    def call() -> None:
        try:
            counted.count("m", "a", 5, None)
            passed.append(1)
        except OverQuota:
            pass

    threads = [threading.Thread(target=call) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(passed) == 5


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "calls.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(DittoError, match="calls.sqlite"):
        Quota(tmp_path)
