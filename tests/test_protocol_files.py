"""No file that a protocol consists of can be forgotten (CONTRIBUTING, "Adding a protocol").

What is missing elsewhere fails elsewhere: a body, a row of the table, an interval, a meaning, a precondition, a case of
`ring_cases.py` or of `bench/protocol_cases.py`.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ditto import _core
from ditto.dialects import ring

ROOT = Path(__file__).parent.parent
KERNELS = {name for name, *_ in _core.kernels()}
ROWS = "\n".join(path.read_text() for path in sorted((ROOT / "ditto/runtime").glob("kernels_*.cc")))
PROTOCOLS = sorted(set(re.findall(r'#include "ditto/protocols/(\w+)\.h"', ROWS)))
COMPILER = "\n".join(
    path.read_text() for folder in ("lowering", "passes") for path in sorted((ROOT / "ditto" / folder).rglob("*.py"))
)
# For ring programs that somebody writes: no operation of PPHLO is one.
UNMADE = {"polynomial"}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_a_kernel_runs_has_a_test(protocol: str) -> None:
    assert (ROOT / f"ditto/protocols/{protocol}_test.cc").exists()


@pytest.mark.parametrize("op", [op for op in ring.OPERATIONS if ring.short_name(op) in KERNELS - UNMADE])
def test_what_the_engine_runs_is_made_by_the_compiler(op: type[ring.RingOp]) -> None:
    assert re.search(rf"\bring\.{op.__name__}\b", COMPILER)
