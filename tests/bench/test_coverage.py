"""The page of coverage is what the record says, the record is of the lists as they are, and a sample of it holds."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bench import glue

BENCH = Path(glue.__file__).parent
# Of each list, evenly spread.
SAMPLE = 6


@pytest.fixture(scope="module")
def coverage() -> ModuleType:
    """The script, which imports its neighbours as scripts do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCH))
        return importlib.import_module("coverage")


@pytest.fixture(scope="module")
def record(coverage: ModuleType) -> dict[str, Any]:
    return json.loads(coverage.RECORD.read_text())


def test_the_page_is_made_of_the_record(coverage: ModuleType, record: dict[str, Any]) -> None:
    assert coverage.PAGE.read_text() == coverage.page(record)


def test_the_record_is_of_these_lists(coverage: ModuleType, record: dict[str, Any]) -> None:
    lists = coverage.catalogues()
    assert set(record) - {"spu"} == set(lists)
    for name, catalogue in lists.items():
        assert record[name]["list"] == coverage.digest(sorted(catalogue.entries)), (
            f"run bench/coverage.py --only {name}"
        )
        assert sum(record[name]["variants"].values()) == len(catalogue.entries)


def test_every_operation_is_counted(coverage: ModuleType, record: dict[str, Any]) -> None:
    counted = {name for name, _ in coverage.catalogues()["operations"].entries}
    assert counted == set(coverage.names_of_operations())


def test_nothing_is_wrong_or_failed(coverage: ModuleType, record: dict[str, Any]) -> None:
    for name in set(record) - {"spu"}:
        assert set(record[name]["variants"]) <= {"right", "refused"}, name
        for entry, dtype, _, reason in record[name]["not_right"]:
            assert len(reason) > 20, (entry, dtype)


@pytest.mark.parametrize("name", ["operations", "spu_functions"])
def test_a_sample_is_as_recorded(name: str, coverage: ModuleType, record: dict[str, Any]) -> None:
    entries = coverage.catalogues()[name].entries
    refused = [(entry, dtype) for entry, dtype, *_ in record[name]["not_right"]]
    sample = [*entries[:: len(entries) // SAMPLE], *refused[:2]]
    for row in coverage.catalogues()[name].rows(list(dict.fromkeys(sample))):
        assert row.status == ("refused" if (row.name, row.dtype) in refused else "right"), row
