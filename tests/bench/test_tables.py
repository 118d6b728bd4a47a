"""The tables of README.md from results: every time and every error with its range."""

import importlib
from pathlib import Path
from types import ModuleType

import pytest

from bench import glue
from bench.provenance import spread


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, which imports its neighbours as scripts do."""
    monkeypatch.syspath_prepend(str(Path(glue.__file__).parent))
    return importlib.import_module("tables")


def test_numbers_that_differ_by_run_have_their_range(tables: ModuleType) -> None:
    result = {
        "bytes": {"total": 5e7, "online": 2e7, "per_party_sent": [3e7, 1e7, 1e7]},
        "rounds": 396.0,
        "spread": {"total": spread([0.3, 0.2, 0.25]), "online": spread([0.1, 0.2, 0.12])},
        "peak_rss_bytes": 1.2e9,
        "max_abs_error": spread([0.001, 0.0031, 0.002]),
        "baseline": {"bytes_total": 7e9, "max_abs_error": 0.007, "spread": spread([9.0, 8.0, 10.0])},
    }
    head, rule, row, spu = tables.markdown([tables.Row("MiniLM", ())], [result]).splitlines()
    assert row == (
        "| MiniLM | 50 | 20 | 30 / 10 / 10 | 396 | 0.25 (0.20 to 0.30) | 0.12 (0.10 to 0.20) | 1.2 | "
        "0.20 (0.10 to 0.31) % |"
    )
    assert "| 9.0 (8.0 to 10.0) |" in spu
    assert {line.count("|") for line in (head, rule, row, spu)} == {10}


def test_one_draw_is_shown_as_one(tables: ModuleType) -> None:
    assert tables.with_range(spread([0.25])) == "0.25"
