"""README's examples run as they are printed, one after the other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spu_ditto import ppd

README = Path(__file__).parents[2] / "README.md"


def test_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 3
    names: dict[str, Any] = {"__name__": "__readme__"}
    try:
        for block in blocks:
            exec(compile(block, str(README), "exec"), names)  # noqa: S102
    finally:
        ppd.close()
    assert "ring.matmul" in capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {"model.html", "model.json"}
    result = names["secure"](names["params"], names["x"])
    np.testing.assert_allclose(result, names["model"](names["params"], names["x"]), atol=0.02)
