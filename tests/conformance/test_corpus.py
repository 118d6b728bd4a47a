"""What the fuzz targets begin with reaches every operation of the engine."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ditto import _core

PROGRAMS = sorted((Path(__file__).parents[2] / "ditto/fuzz/corpus/program").iterdir())


def test_every_operation_has_a_program() -> None:
    """Written by tools/write_corpus.py, anew after an operation is added or takes other attributes."""
    assert {path.name[3:] for path in PROGRAMS if path.name.startswith("op-")} == {name for name, *_ in _core.kernels()}


@pytest.mark.parametrize("path", [p for p in PROGRAMS if not p.name.startswith("found-")], ids=lambda path: path.name)
def test_programs_are_taken(path: Path) -> None:
    text = path.read_text()
    told = json.loads(text)
    shapes = [told["values"][id]["shape"] for id in told["constants"]]
    program = _core.Program(text, [np.zeros(shape, np.int64) for shape in shapes])
    assert program.peak_bytes >= sum(program.output_bytes) > 0
