"""What README and the other pages print: blocks of code, and commands."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted(ROOT.glob("docs/**/*.md")),
)

# Languages of blocks: Python and shell are executed, of the others nothing can be.
EXECUTED, SHOWN = {"python", "sh"}, {"text", "json", "mermaid"}
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
# How a command begins; a word alone, such as `bench/guard.py`, is the name of a file.
_COMMAND = re.compile(r"(DITTO_\w+=\S+ )*(\./dev\b|spu-ditto\b|python |pip |bazel |source |\S+\.(py|sh) -)")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, "" without one, and its text."""

    language: str
    text: str


def blocks(page: Path) -> list[Block]:
    """A page's blocks in their order."""
    return [Block(*found) for found in _BLOCK.findall(page.read_text())]


def lines(block: Block) -> list[str]:
    """The commands of a block for the shell, without comments."""
    return [line for line in (re.sub(r"\s+#.*", "", line).strip() for line in block.text.splitlines()) if line]


def commands(page: Path) -> list[str]:
    """All commands that a page prints, in blocks and in its text."""
    found = [line for block in blocks(page) if block.language == "sh" for line in lines(block)]
    text = _BLOCK.sub("", page.read_text())
    return found + [code for code in _INLINE.findall(text) if _COMMAND.match(code)]
