"""The command line: the passes on a file, the cache."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ditto.cli import app
from spu_ditto import disk_cache

PROGRAM = """module @jit_f attributes {pphlo.version = "0.9.5"} {
  func.func @main(%arg0: tensor<4x8x!pphlo.secret<f16>>, %arg1: tensor<8x5x!pphlo.secret<f16>>) -> tensor<4x5x!pphlo.secret<f16>> {
    %0 = pphlo.dot %arg0, %arg1 : (tensor<4x8x!pphlo.secret<f16>>, tensor<8x5x!pphlo.secret<f16>>) -> tensor<4x5x!pphlo.secret<f16>>
    return %0 : tensor<4x5x!pphlo.secret<f16>>
  }
}
"""  # noqa: E501


def _opt(folder: Path, program: str, *options: str) -> tuple[int, str, str]:
    file = folder / "program.pphlo"
    file.write_text(program)
    result = CliRunner().invoke(app, ["opt", str(file), *options])
    return result.exit_code, result.stdout, result.stderr


def test_the_result_is_a_ring_program(tmp_path: Path) -> None:
    code, out, _ = _opt(tmp_path, PROGRAM)
    assert code == 0
    assert "ring.matmul" in out and "pphlo.dot" not in out


def test_every_pass_is_shown(tmp_path: Path) -> None:
    _, out, _ = _opt(tmp_path, PROGRAM, "--print-between-passes")
    before, after = out.split("// ----- after assign-rings -----")
    assert "pphlo.dot" in before and "ring.matmul" in after
    assert "// ----- after assign-widths -----" in after


def test_passes_are_timed(tmp_path: Path) -> None:
    _, _, err = _opt(tmp_path, PROGRAM, "--time-passes")
    assert "assign-rings" in err and "total" in err


def test_the_policy_counts(tmp_path: Path) -> None:
    assert _opt(tmp_path, PROGRAM)[1] != _opt(tmp_path, PROGRAM, "--policy", "fm64")[1]


def test_errors_are_one_line(tmp_path: Path) -> None:
    code, _, err = _opt(tmp_path, PROGRAM, "--policy", "fm128")
    assert code == 1 and "fm128" in err and "Traceback" not in err
    code, _, err = _opt(tmp_path, PROGRAM.replace("pphlo.dot", "pphlo.sort"))
    assert code == 1 and "pphlo.sort" in err and "Traceback" not in err


def test_the_cache_is_shown_and_cleared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPU_DITTO_CACHE", str(tmp_path))
    for n in range(3):
        disk_cache.write(disk_cache.name_of("pphlo", [n]), b"x" * 100_000)
    other = tmp_path / "notes.txt"
    other.write_text("mine")
    for options, said in (([], "3 entries, 0.3 MB of at most 1074 MB"), (["--clear"], "removed 3"), ([], "0 entries")):
        result = CliRunner().invoke(app, ["cache", *options])
        assert result.exit_code == 0 and said in result.stdout and str(tmp_path) in result.stdout
    assert list(tmp_path.iterdir()) == [other]


def test_it_is_a_module_too(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "spu_ditto", "cache"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "SPU_DITTO_CACHE": str(tmp_path / "none")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert (done.returncode, "0 entries" in done.stdout) == (0, True), done.stderr


def test_without_the_packages_of_models_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spu_ditto.models", None)
    result = CliRunner().invoke(app, ["publish", "dir", "--config", "c", "--identity", "i", "--name", "n"])
    assert result.exit_code == 1
    assert "pip install 'spu-ditto[models]'" in result.stderr
