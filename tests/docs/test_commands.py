"""No command stands in a page that nothing runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import EXECUTED, PAGES, ROOT, SHOWN, blocks, commands, lines
from tools.fresh_clone import ALL

TESTS = "\n".join(path.read_text() for path in sorted(Path(__file__).parent.glob("test_*.py")))
# test_readme.py runs its blocks.
IN_BLOCKS = {line for block in blocks(ROOT / "README.md") if block.language == "sh" for line in lines(block)}


def is_run(command: str) -> bool:
    """Whether a test's shell runs it, or a fresh clone; of one that is, its beginning may be spoken of."""
    return f'.run("{command}")' in TESTS or any(f"{one} ".startswith(f"{command} ") for one in (*ALL, *IN_BLOCKS))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_are_run(page: Path) -> None:
    unknown = [command for command in commands(page) if not is_run(command)]
    assert not unknown, "run them in a test beside this one, or list them in tools/fresh_clone.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_blocks_say_their_language(page: Path) -> None:
    assert {block.language for block in blocks(page)} <= EXECUTED | SHOWN


def test_a_fresh_clone_runs_what_is_printed_and_nothing_else() -> None:
    printed = {command for page in PAGES for command in commands(page)}
    assert set(ALL) <= printed
    assert len(printed) > 20
