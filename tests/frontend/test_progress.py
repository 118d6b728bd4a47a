"""A compilation shows what it is doing where somebody may be looking."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest

import spu_ditto


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("stream", "shown"), [(Terminal(), True), (io.StringIO(), False)])
def test_progress_is_for_terminals(stream: io.StringIO, shown: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", stream)
    # Calibrated, for such a program is not taken from the cache.
    x = np.ones(3, np.float32)
    spu_ditto.compile(lambda x: x * 3, calibration=[(x,)]).lower(x)
    assert ("compiling <lambda>" in stream.getvalue() and "assign-widths" in stream.getvalue()) is shown
    if not shown:
        assert stream.getvalue() == ""
