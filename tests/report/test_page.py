"""The page, in a real browser: Debian's Chromium, headless. Its console must stay empty."""

from __future__ import annotations

import dataclasses
import html
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import spu_ditto

Browse = Callable[[Path, str], Any]

# Looks at the page as a person would, and clicks.
LOOK = """
const texts = (selector) => [...document.querySelectorAll(selector)].map((node) => node.textContent);
const sorted = (table, column) => {
  const header = document.querySelectorAll(`${table} thead th`)[column];
  header.querySelector("button").click();
  const cell = `${table} tbody tr > :nth-child(${column + 1})`;
  return { direction: header.getAttribute("aria-sort"), cells: texts(cell) };
};
const inside = (node) => node.scrollWidth <= document.documentElement.clientWidth;
const seen = {
  title: document.title,
  totals: Object.fromEntries([...document.querySelectorAll("#totals > div")].map(
    (box) => [box.querySelector("dt").textContent, box.querySelector("dd").firstChild.textContent])),
  layers: texts("#layers tbody th"),
  bars: document.querySelectorAll("#layers svg [data-op]").length,
  columns: texts("#layers thead th"),
  heat: document.querySelectorAll("#heat tbody span").length,
  networks: document.querySelector("#networks svg").getAttribute("aria-label"),
  casts: texts("#casts tbody td:nth-child(2)"),
  flows: document.querySelectorAll("#flow path").length,
  verdict: document.getElementById("verdict").textContent,
  parties: document.querySelectorAll("#parties rect").length,
  hidden: [...document.querySelectorAll("section[hidden]")].map((section) => section.id),
  fits: inside(document.documentElement),
  unnamed: [...document.querySelectorAll("button, input")].filter(
    (node) => !node.textContent && !node.getAttribute("aria-label") && !node.labels?.length).length,
};
const before = getComputedStyle(document.body).backgroundColor;
document.getElementById("theme").click();
seen.colours = [before, getComputedStyle(document.body).backgroundColor];
seen.operations = [sorted("#kinds", 0), sorted("#kinds", 0), sorted("#kinds", 1), sorted("#kinds", 1)];
seen.layerOrder = [sorted("#layers", 2), sorted("#layers", 0)];
document.querySelector("#metric input[value=rounds]").click();
seen.rounds = texts("#heat tbody span").filter(Boolean);
document.querySelector("#layers svg [data-op]").dispatchEvent(new MouseEvent("mousemove", { bubbles: true }));
seen.tip = document.getElementById("tip").hidden ? null : document.getElementById("tip").textContent;
document.getElementById("trip").value = -1;
document.getElementById("trip").dispatchEvent(new Event("input", { bubbles: true }));
seen.slower = document.querySelector("#networks svg").getAttribute("aria-label");
"""


@pytest.fixture(scope="module")
def browse(tmp_path_factory: pytest.TempPathFactory) -> Browse:
    """Opens a page, runs LOOK in it, and gives what it has seen; fails on any line in the console."""
    chromium = shutil.which("chromium")
    assert chromium, "these tests need a browser: apt-get install --no-install-recommends chromium (./dev test does)"
    profile = tmp_path_factory.mktemp("chromium")

    def look(path: Path, size: str = "1280,900") -> Any:
        probed = path.with_name(f"probed-{path.name}")
        script = f'<script>{LOOK}\nconst note = document.createElement("pre");\nnote.id = "seen";\n'
        script += "note.textContent = JSON.stringify(seen);\ndocument.body.append(note);</script></body>"
        probed.write_text(path.read_text().replace("</body>", script))
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--enable-logging=stderr"]
        command = [chromium, *flags, f"--user-data-dir={profile}", f"--window-size={size}", "--dump-dom"]
        done = subprocess.run(
            [*command, probed.as_uri()],
            capture_output=True,
            text=True,
            env={"HOME": str(profile), "PATH": "/usr/bin:/bin"},
        )
        console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
        assert not console, "\n".join(console)
        found = re.search(r'<pre id="seen">(.*?)</pre>', done.stdout, re.DOTALL)
        assert found, done.stderr
        return json.loads(html.unescape(found[1]))

    return look


@pytest.fixture(scope="module")
def seen(browse: Browse, network: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The page of a run with its divergence."""
    path = tmp_path_factory.mktemp("page") / "run.html"
    found = spu_ditto.divergence(network.apply, (network.params, network.x))
    spu_ditto.report(network.run, path, divergence=found)
    return browse(path, "1280,900")


def test_it_shows_the_program(seen: Any, network: Any) -> None:
    cost = network.compiled.cost_analysis()
    assert seen["title"] == "apply"
    assert seen["totals"]["rounds"] == str(cost.rounds)
    assert set(seen["totals"]) >= {"offline", "online", "measured", "on a LAN", "on a WAN", "error"}
    assert seen["layers"] == [layer.name for layer in cost.layers]
    ops = json.loads(network.compiled.program.engine)["ops"]
    assert len(ops) <= seen["bars"] <= 2 * len(ops)
    assert seen["columns"][-2:] == ["time at P1", "error"]
    assert seen["heat"] > len(cost.layers)
    assert seen["networks"].startswith("LAN ")
    assert set(seen["casts"]) == {op["op"] for op in ops} & {"up_cast", "down_cast", "narrow"} != set()
    assert seen["flows"] > 0 and seen["parties"] >= 9
    assert "within its ranges" in seen["verdict"]
    assert seen["hidden"] == []


def test_tables_sort(seen: Any) -> None:
    up, down, most, least = seen["operations"]
    assert (up["direction"], down["direction"]) == ("ascending", "descending")
    assert up["cells"] == sorted(up["cells"]) and down["cells"] == up["cells"][::-1]
    assert (most["direction"], least["direction"]) == ("descending", "ascending")
    assert [int(cell) for cell in most["cells"]] == sorted((int(cell) for cell in most["cells"]), reverse=True)
    assert [int(cell) for cell in least["cells"]] == sorted(int(cell) for cell in least["cells"])
    by_bytes, by_name = seen["layerOrder"]
    assert by_bytes["direction"] == "descending"
    assert by_name["cells"] == seen["layers"]


def test_it_answers_to_the_mouse_and_has_a_dark_side(seen: Any) -> None:
    light, dark = seen["colours"]
    assert light != dark
    assert re.match(r"\w+: .+ → \d+/\d+\n\[.*\]\n.* at P1", seen["tip"])
    assert seen["rounds"] and all(cell.isdigit() for cell in seen["rounds"])
    assert seen["slower"] != seen["networks"]


def test_everything_to_press_has_a_name_and_nothing_overflows(seen: Any) -> None:
    assert seen["unnamed"] == 0
    assert seen["fits"]


@pytest.mark.parametrize("size", ["1280,900", "600,900"])
def test_a_program_alone_leaves_out_what_is_not_known(browse: Browse, network: Any, tmp_path: Path, size: str) -> None:
    spu_ditto.report(network.compiled, tmp_path / "program.html")
    seen = browse(tmp_path / "program.html", size)
    assert seen["hidden"] == ["divergence", "timeline"]
    assert seen["columns"][-1] == "rounds"
    assert "measured" not in seen["totals"]
    assert seen["fits"]


def test_names_in_a_program_are_text(browse: Browse, network: Any, tmp_path: Path) -> None:
    name = "</script><script>document.title = 'broken'</script><b>&amp;"
    engine = json.loads(network.compiled.program.engine)
    for op in engine["ops"]:
        op["layer"] = name + op["layer"]
    program = dataclasses.replace(network.compiled.program, engine=json.dumps({**engine, "name": name}))
    run = dataclasses.replace(network.run, program=program, events=())
    spu_ditto.report(run, tmp_path / "hostile.html")
    seen = browse(tmp_path / "hostile.html", "1280,900")
    assert seen["title"] == name
    assert all(layer.startswith(name) or layer == "guard" for layer in seen["layers"])
    assert any(layer.startswith(name) for layer in seen["layers"])


def test_it_refers_to_nothing_outside(network: Any, tmp_path: Path) -> None:
    spu_ditto.report(network.run, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text().replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?://|\bsrc=|\bhref=|@import|url\(", page)
    assert "/* data */" not in page and "/* script */" not in page


def test_a_run_without_its_program_is_refused(network: Any, tmp_path: Path) -> None:
    with pytest.raises(spu_ditto.UnsupportedError, match="Compiled.run"):
        spu_ditto.report(dataclasses.replace(network.run, program=None), tmp_path / "page.html")
