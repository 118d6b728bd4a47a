"""Entry point of every pytest_test: the arguments are the test files. Honours Bazel's --test_filter, its shards and its
XML report."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

# Of so many processes that share the tests of a target, this is number INDEX.
SHARDS, INDEX = int(os.environ.get("TEST_TOTAL_SHARDS", "1")), int(os.environ.get("TEST_SHARD_INDEX", "0"))


class Shard:
    """Leaves the tests that are this process's."""

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = items[INDEX::SHARDS]


options = ["-p", "no:cacheprovider", "--import-mode=importlib", "--rootdir", os.getcwd(), "-ra"]
if "XML_OUTPUT_FILE" in os.environ:
    options.append("--junitxml=" + os.environ["XML_OUTPUT_FILE"])
if "TESTBRIDGE_TEST_ONLY" in os.environ:
    options += ["-k", os.environ["TESTBRIDGE_TEST_ONLY"]]
if "TEST_SHARD_STATUS_FILE" in os.environ:
    Path(os.environ["TEST_SHARD_STATUS_FILE"]).touch()
sys.exit(pytest.main(options + sys.argv[1:], plugins=[Shard()]))
