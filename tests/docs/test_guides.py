"""The pages of docs/ and the tutorial run as they are printed: each in a folder of its own, from top to bottom."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from spu_ditto import ppd
from tests.docs.pages import ROOT, blocks

PAGES = [page for page in sorted(ROOT.glob("docs/*.md")) if any(block.language == "python" for block in blocks(page))]
NOTEBOOKS = sorted(ROOT.glob("docs/*.ipynb"))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(source: Path, cells: list[str]) -> dict[str, Any]:
    """Executes cells one after the other; what they define is given back."""
    names: dict[str, Any] = {"__name__": "__page__"}
    for number, cell in enumerate(cells):
        exec(compile(cell, f"{source.name}, block {number + 1}", "exec"), names)  # noqa: S102
    return names


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_pages(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        run(page, [block.text for block in blocks(page) if block.language == "python"])
    finally:
        ppd.close()
    assert capsys.readouterr().out


def test_every_guide_has_examples() -> None:
    guides = {"calibration", "evaluation", "migration", "networks", "own_model", "report", "search", "students"}
    assert {page.stem for page in PAGES} == guides


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks(notebook: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cells = json.loads(notebook.read_text())["cells"]
    names = run(notebook, ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"])
    printed = capsys.readouterr().out
    assert "the same digits: True" in printed
    assert "argument x holds" in printed
    assert sum(names["run"].sent) == names["cheaper"].total_bytes < names["cost"].total_bytes
    assert names["found"].ok


def test_notebooks_are_kept_without_outputs() -> None:
    assert NOTEBOOKS
    for notebook in NOTEBOOKS:
        cells = json.loads(notebook.read_text())["cells"]
        assert not any(cell.get("outputs") for cell in cells if cell["cell_type"] == "code"), notebook.name
