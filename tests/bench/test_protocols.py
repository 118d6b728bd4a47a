"""The table of all protocols, on few elements and without SPU."""

import importlib
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

from bench import protocol_cases
from ditto import _core

LOCAL = {"down_cast"}


@pytest.fixture
def protocols(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, which imports its neighbours as scripts do."""
    monkeypatch.syspath_prepend(str(Path(protocol_cases.__file__).parent))
    return importlib.import_module("protocols")


def test_shows_the_declared_costs_and_small_errors(
    protocols: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    elements = 1024
    protocols.main(tmp_path / "protocols.json", elements=elements, spu=False)
    written = json.loads((tmp_path / "protocols.json").read_text())
    rows = written["rows"]
    assert written["made_with"]["arguments"]["elements"] == elements and written["made_with"]["seeds"] == [1]
    cases = protocol_cases.cases(elements)
    assert [row["protocol"] for row in rows] == [*(case.op for case in cases), "share", "reveal"]
    for row, case in zip(rows, cases, strict=False):
        declared = _core.Program(json.dumps(case.program()), list(case.constants)).cost()
        shown = {**row["bytes"], "rounds": row["rounds"]}
        assert shown == {name: declared[name] for name in shown}, row
        assert row["elements"] * row["bits_per_element"]["online"] == pytest.approx(8 * declared["online"])
        assert (row["rounds"] == 0) == (row["protocol"] in LOCAL)
        assert row["spread"]["least"] <= row["seconds"] == row["spread"]["median"] <= row["spread"]["most"]
        speeds = row["elements_per_second"]
        assert speeds["median"] == pytest.approx(row["elements"] / row["seconds"]) and len(speeds["all"]) == 3
        assert row["max_abs_error"] == max(row["errors"]) and len(row["errors"]) == 4
        # Half a unit of 2^-8, eightfold for a maximum that drops bits; GELU and tanh promise 0.01.
        assert row["max_abs_error"] < (0.2 if case.op == "max" else 0.011), row
    assert all(row["max_abs_error"] == 0 for row in rows[len(cases) :])
    shown = capsys.readouterr().out
    assert len(re.findall(r"\d+\.\d+ \(\d+\.\d+ to \d+\.\d+\)", shown)) == len(rows)


def test_covers_every_operation_that_sends() -> None:
    local = {name for name, *_ in _core.kernels() if name not in {case.op for case in protocol_cases.cases(1)}}
    assert local == {
        *("add", "sub", "neg", "add_public", "mul_public", "matmul_public", "shl", "relabel", "narrow"),
        *("reshape", "transpose", "broadcast", "slice", "concat", "pad", "reverse", "take", "sum"),
        *("bit_xor", "bit_not", "bit_xor_public", "bit_and_public", "parity", "require_false"),
    }


def test_every_operation_that_spu_has_is_compared(
    protocols: ModuleType,
) -> None:
    spu_protocols = importlib.import_module("spu_protocols")
    missing = {case.op for case in protocol_cases.cases(16)} - protocols.NOT_IN_SPU - set(spu_protocols.FUNCTIONS)
    assert not missing


def test_a_protocol_that_sends_something_else_ends_it(protocols: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    class Chatty(_core.Simulator):
        def run(self, *args, **kwargs):  # type: ignore[no-untyped-def]
            outputs, seconds, parties = super().run(*args, **kwargs)
            parties[2]["online"] += 1
            return outputs, seconds, parties

    case = protocol_cases.cases(16)[0]
    with pytest.raises(RuntimeError, match=r"mul .* declares online of 80 and has 81"):
        protocols.run_case(Chatty(10), case)
