"""`spu-ditto search`: what its options become, and how it tells what is wrong."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import spu_ditto.search
from ditto.cli import app
from spu_ditto.search import Settings
from spu_ditto.search.run import Results, Row


def test_options_are_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def search(*arguments: Any, seed: int, told: Any, stepped: Any) -> Results:
        asked.extend([*arguments, seed])
        told("a [bracket] is no markup")
        stepped("teacher", 1, 2, {"loss": 1.0})
        return Results("LAN", (Row("teacher", "teacher", 0.5, 2_000_000, 10, 0.1, 2_000_000, 10, 0.1),), {})

    monkeypatch.setattr(spu_ditto.search, "search", search)
    options = "--shape 2x2x8 --patch 7 --attention raw,2quad --activation raw,quad --by layer --network LAN --batch 4"
    options += " --weight 0.5 --budget 20MB --budget 5ms --keep 0.25 --begin random --seed 3"
    result = CliRunner().invoke(app, ["search", "digits", "--out", str(tmp_path), *options.split()])
    assert result.exit_code == 0, result.output
    settings = Settings(
        shape="2x2x8",
        patch=7,
        attention=("raw", "2quad"),
        activation=("raw", "quad"),
        by="layer",
        network="LAN",
        batch=4,
        weight=0.5,
        budgets=("20MB", "5ms"),
        keep=(0.25,),
        begin="random",
    )
    assert asked == ["digits", tmp_path, settings, 3]
    assert "| teacher | 50.0 % | 2.00 | 10 | 0.100 | 2.00 | 10 | 0.100 |" in result.stdout
    assert "a [bracket] is no markup" in result.stderr
    # Without options, those of the settings.
    asked.clear()
    assert CliRunner().invoke(app, ["search", "digits", "--out", str(tmp_path)]).exit_code == 0
    assert asked[2] == Settings()


def test_errors_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = str(tmp_path / "run")
    result = CliRunner().invoke(app, ["search", "nothing", "--out", out])
    assert result.exit_code == 1 and "nothing is neither a folder nor one of mnist, animals, digits" in result.stderr
    result = CliRunner().invoke(app, ["search", "digits", "--out", out, "--attention", "raw,3quad"])
    assert result.exit_code == 1 and "3quad" in result.stderr
    for module in [name for name in sys.modules if name.startswith("spu_ditto.search")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "optax", None)
    for module in [name for name in sys.modules if name.startswith("spu_ditto.distill")]:
        monkeypatch.delitem(sys.modules, module)
    result = CliRunner().invoke(app, ["search", "digits", "--out", out])
    assert result.exit_code == 1 and "pip install 'spu-ditto[search]'" in result.stderr
