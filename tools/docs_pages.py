"""Hooks of mkdocs: pages that are made of files outside of docs/, so that nothing is written twice.

README, SECURITY, CONTRIBUTING and CHANGELOG are pages as they are, but for links between them, which lead to the site.
The page of protocols is made of the contracts at the head of `ditto/protocols/*.h`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).parents[1]
PAGES = {
    "README.md": "index.md",
    "SECURITY.md": "security.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
INTRODUCTION = """# Protocols

What each protocol computes, sends and guarantees: the contracts at the head of `ditto/protocols/*.h`, and the functions
that they describe. Values are shared as in `share.h`; bodies are written once for all parties, in terms of `party.h`.
Costs are bits an element, all parties together; tests compare them with the bytes that are sent.
"""


def on_files(files: Any, config: Any) -> Any:
    """Adds the pages."""
    for source, page in PAGES.items():
        text = (ROOT / source).read_text()
        files.append(File.generated(config, page, content=_links(text.replace("](docs/", "]("), "")))
    files.append(File.generated(config, "protocols.md", content=protocols()))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Links from docs/ to a page beside it."""
    return _links(markdown, "../")


def on_page_content(html: str, **_: Any) -> str:
    """The same in notebooks, which are no Markdown."""
    for source, page in PAGES.items():
        html = html.replace(f'href="../{source}', f'href="{page.removesuffix(".md")}.html')
    return re.sub(r'href="(\w+)\.md(#|")', r'href="\1.html\2', html)


def _links(text: str, before: str) -> str:
    for source, page in PAGES.items():
        text = text.replace(f"]({before}{source}", f"]({page}")
    return text


def protocols() -> str:
    """The page of protocols, in Markdown."""
    parts = [INTRODUCTION]
    for header in sorted((ROOT / "ditto" / "protocols").glob("*.h")):
        contract, _, code = header.read_text().partition("#pragma once")
        lines = [line.removeprefix("//").removeprefix(" ") for line in contract.splitlines()]
        if not any(line.startswith(("Computes", "Sends")) for line in lines) and header.name not in (
            "share.h",
            "party.h",
        ):
            continue
        title, rest = lines[0].rstrip("."), "\n".join(lines[1:]).strip()
        declared = re.sub(r"^#include .*\n|^(}  // )?namespace .*\n", "", code, flags=re.MULTILINE).strip()
        parts.append(f"## {header.stem}\n\n{title}.\n\n```text\n{rest}\n```\n\n```cpp\n{declared}\n```\n")
    return "\n".join(parts)
