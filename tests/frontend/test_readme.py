"""README's examples run as they are printed, one after the other."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ditto.parties.setup import make_configuration
from spu_ditto import ppd
from tests.e2e.nodes import nodes_of, take_free_ports

README = Path(__file__).parents[2] / "README.md"


@contextlib.contextmanager
def trial_service() -> Iterator[None]:
    """What `spu-ditto init trial` and `spu-ditto up` make, at ports that nobody has."""
    config = make_configuration(Path("trial").absolute())
    take_free_ports(config)
    with nodes_of(config):
        yield


def test_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 3
    names: dict[str, Any] = {"__name__": "__readme__"}
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(ppd.close)
        cleanup.enter_context(trial_service())
        for block in blocks:
            exec(compile(block, str(README), "exec"), names)  # noqa: S102
    assert "ring.matmul" in capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {"model.html", "model.json", "trial"}
    result = names["secure"](names["params"], names["x"])
    np.testing.assert_allclose(result, names["model"](names["params"], names["x"]), atol=0.02)
