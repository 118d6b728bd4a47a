"""The page, in a real browser. Its console must stay empty."""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import spu_ditto
from spu_ditto.reports.html import description
from tests.accessibility import problems
from tests.browser import Browser, Page

Browse = Callable[..., Any]

# Looks at the page as a person would, and clicks.
LOOK = """
const texts = (selector) => [...document.querySelectorAll(selector)].map((node) => node.textContent);
const sorted = (table, column) => {
  const header = document.querySelectorAll(`${table} thead th`)[column];
  header.querySelector("button").click();
  const cell = `${table} tbody tr > :nth-child(${column + 1})`;
  return { direction: header.getAttribute("aria-sort"), cells: texts(cell) };
};
const seen = {
  title: document.title,
  totals: Object.fromEntries([...document.querySelectorAll("#totals > div")].map(
    (box) => [box.querySelector("dt").textContent, box.querySelector("dd").firstChild.textContent])),
  layers: texts("#layers tbody th"),
  bars: document.querySelectorAll("#layers svg [role=img]").length,
  columns: texts("#layers thead th"),
  heat: document.querySelectorAll("#heat tbody span").length,
  networks: document.querySelector("#networks svg").getAttribute("aria-label"),
  casts: texts("#casts tbody td:nth-child(2)"),
  flows: document.querySelectorAll("#flow path").length,
  verdict: document.getElementById("verdict").textContent,
  parties: document.querySelectorAll("#parties rect").length,
  hidden: [...document.querySelectorAll("section[hidden]")].map((section) => section.id),
  about: Object.fromEntries([...document.querySelectorAll("#about > div")].map(
    (box) => [...box.children].map((part) => part.textContent))),
};
const before = getComputedStyle(document.body).backgroundColor;
document.getElementById("theme").click();
seen.colours = [before, getComputedStyle(document.body).backgroundColor];
seen.operations = [sorted("#kinds", 0), sorted("#kinds", 0), sorted("#kinds", 1), sorted("#kinds", 1)];
seen.layerOrder = [sorted("#layers", 2), sorted("#layers", 0)];
document.querySelector("#metric input[value=rounds]").click();
seen.rounds = texts("#heat tbody span").filter(Boolean);
document.querySelector("#layers svg [role=img] rect").dispatchEvent(new MouseEvent("mousemove", { bubbles: true }));
seen.tip = document.getElementById("tip").hidden ? null : document.getElementById("tip").textContent;
document.getElementById("trip").value = -1;
document.getElementById("trip").dispatchEvent(new Event("input", { bubbles: true }));
seen.slower = document.querySelector("#networks svg").getAttribute("aria-label");
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("chromium")) as started:
        yield started


@pytest.fixture(scope="module")
def browse(browser: Browser) -> Browse:
    """Opens a page, runs LOOK in it, and gives what it has seen; fails on any line in the console."""

    def look(path: Path, width: int = 1280) -> Any:
        with browser.open(path.as_uri(), width) as page:
            return page.run(f"(() => {{ {LOOK}\nreturn seen; }})()")

    return look


@pytest.fixture(scope="module")
def seen(browse: Browse, network: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The page of a run with its divergence."""
    path = tmp_path_factory.mktemp("page") / "run.html"
    found = spu_ditto.divergence(network.apply, (network.params, network.x))
    spu_ditto.report(network.run, path, divergence=found)
    return browse(path)


def test_it_shows_the_program(seen: Any, network: Any) -> None:
    cost = network.compiled.cost_analysis()
    assert seen["totals"]["rounds"] == str(cost.rounds)
    assert set(seen["totals"]) >= {"offline", "online", "measured", "on a LAN", "on a WAN", "error"}
    assert seen["layers"] == [layer.name for layer in cost.layers]
    ops = json.loads(network.compiled.program.engine)["ops"]
    # The guard is one more.
    assert seen["bars"] == len(ops) + 1
    assert seen["columns"][-2:] == ["time at P1", "error"]
    assert seen["heat"] > len(cost.layers)
    assert seen["networks"].startswith("LAN ")
    assert set(seen["casts"]) == {op["op"] for op in ops} & {"up_cast", "down_cast", "narrow"} != set()
    assert seen["flows"] > 0 and seen["parties"] >= 9
    assert "within its ranges" in seen["verdict"]
    assert seen["hidden"] == ["against"]


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


@pytest.mark.parametrize("width", [1280, 600, 400])
def test_a_program_alone_leaves_out_what_is_not_known(browse: Browse, network: Any, tmp_path: Path, width: int) -> None:
    spu_ditto.report(network.compiled, tmp_path / "program.html")
    seen = browse(tmp_path / "program.html", width)
    assert seen["hidden"] == ["against", "divergence", "timeline"]
    assert seen["columns"][-1] == "rounds"
    assert "measured" not in seen["totals"]
    assert "written" in seen["about"] and "ran" not in seen["about"]


def test_it_says_what_it_is_of(seen: Any, browse: Browse, network: Any, tmp_path: Path) -> None:
    about = seen["about"]
    assert about["ring policy"] == "ditto; fraction bits: 8 in FM32, 18 in FM64"
    assert about["calibration"] == "none"
    layers = "params/head/out/w: f16[16, 4], params/mlp/0/w: f16[8, 16], params/mlp/1/w: f16[16, 16]"
    assert about["secret arguments"] == f"{layers}, x: f16[4, 8]"
    assert about["results"] == "f32[4, 4]"
    ran = datetime.datetime.fromtimestamp(network.run.began, datetime.UTC)
    assert about["ran"] == f"{ran:%Y-%m-%d %H:%M} UTC"
    assert abs(datetime.datetime.now(datetime.UTC) - ran) < datetime.timedelta(hours=1)
    assert f"{len(os.sched_getaffinity(0))} core" in about["report made on"]
    assert seen["title"].startswith("apply · ring policy ditto")
    assert all(f"{what} {words}" in seen["title"] for what, words in about.items())

    options = {"calibration": [(network.params, network.x)], "network": "WAN", "fraction_bits": {"FM32": 10}}
    calibrated = spu_ditto.compile(network.apply, **options).lower(network.params, network.x)
    spu_ditto.report(calibrated, tmp_path / "calibrated.html", title="Tiny <b>net</b>")
    other = browse(tmp_path / "calibrated.html")
    assert other["title"].startswith("Tiny <b>net</b> · ")
    assert other["about"]["calibration"] == "1 sample, headroom 2"
    assert other["about"]["ring policy"] == "ditto; fraction bits: 10 in FM32, 18 in FM64; for a WAN"


def test_many_arrays_are_counted_and_public_ones_left_out() -> None:
    secure = spu_ditto.compile(
        lambda weights, x, scale: (sum(w @ x for w in weights) * scale, x[0]), input_visibility={"scale": "public"}
    )
    weights = [np.zeros((3, 5), np.float32)] * 4
    about = description(secure.lower(weights, np.zeros(5, np.int32), np.float32(2)), "sums")["about"]
    assert about["secret arguments"] == "weights: 4 arrays of 60 numbers, x: i32[5]"
    assert (about["model"], about["results"]) == ("sums", "f32[3], i32[]")


def test_two_runs_stand_side_by_side(browser: Browser, network: Any, tmp_path: Path) -> None:
    compiled = spu_ditto.compile(network.apply, ring_policy="fm64").lower(network.params, network.x).compile()
    _, run = compiled.run(network.params, network.x)
    for against, columns in ((run, 10), (compiled, 10)):
        spu_ditto.report(network.run, tmp_path / "pair.html", against=against)
        with browser.open((tmp_path / "pair.html").as_uri(), 400) as page:
            rows = page.run(
                "[...document.querySelectorAll('#pairs tbody tr')].map("
                "(row) => [...row.children].map((cell) => cell.textContent))"
            )
            said = page.run("document.getElementById('other').textContent")
            assert problems(page) == []
        assert "fm64; fraction bits" in said and "x: f16[4, 8]" in said
        mine, theirs = network.compiled.cost_analysis(), compiled.cost_analysis()
        assert [row[0] for row in rows] == [*(layer.name for layer in mine.layers), "all"]
        assert all(len(row) == columns for row in rows)
        for row, here, there in zip(rows, (*mine.layers, mine), (*theirs.layers, theirs), strict=False):
            total = [cost.offline_bytes + cost.online_bytes for cost in (here, there)]
            assert [in_bytes(cell) for cell in row[1:3]] == pytest.approx(total, rel=0.01)
            assert float(row[3]) == pytest.approx(total[1] / total[0], abs=0.006)
            assert [row[4], row[5]] == [str(here.rounds), str(there.rounds)]
        assert rows[-1][7].endswith("s") and (rows[-1][8] == "–") == (against is compiled)


def in_bytes(cell: str) -> float:
    """What the page writes as 1.5 kB."""
    number, unit = cell.split()
    return float(number) * {"B": 1, "kB": 1e3, "MB": 1e6}[unit]


@pytest.fixture(scope="module")
def whole(network: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a page that has every part."""
    path = tmp_path_factory.mktemp("whole") / "run.html"
    found = spu_ditto.divergence(network.apply, (network.params, network.x))
    spu_ditto.report(network.run, path, divergence=found, against=network.compiled)
    return path.as_uri()


@pytest.mark.parametrize("width, dark", [(400, False), (400, True), (1280, False), (1280, True)])
def test_everybody_can_read_it(browser: Browser, whole: str, width: int, dark: bool) -> None:
    with browser.open(whole, width, dark=dark) as page:
        assert problems(page) == []
        for measure in page.run("[...document.querySelectorAll('#metric input')].map((one) => one.value)"):
            page.run(f"document.querySelector('#metric input[value=\"{measure}\"]').click()")
            assert problems(page) == []
        # Drawings too: their text is not smaller than the page's small print.
        small = page.run(
            "Math.min(...[...document.querySelectorAll('svg text')].map("
            "(one) => parseFloat(getComputedStyle(one).fontSize) * one.getScreenCTM().a))"
        )
        assert small >= 11
        shade = page.run("getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).map(Number)[0]")
        assert (shade < 64) == dark


def test_drawings_follow_the_window(browser: Browser, whole: str) -> None:
    with browser.open(whole, 1280) as page:
        page.call("Emulation.setDeviceMetricsOverride", width=400, height=900, deviceScaleFactor=1, mobile=False)
        page.wait("document.querySelector('#parties svg').viewBox.baseVal.width < 400")
        assert problems(page) == []


def test_every_tip_is_reached_by_keyboard(browser: Browser, whole: str) -> None:
    with browser.open(whole) as page:
        marks = page.run("[...document.querySelectorAll('svg [role=img]')].map((one) => one.ariaLabel)")
        told = walked(page)
        assert len(marks) > 80
        # In the order of the page, each once: Tab to the first of a drawing, arrows to the others.
        assert told == marks
        page.press("Escape")
        assert page.run("document.getElementById('tip').hidden")


def walked(page: Page) -> list[str]:
    """What the tip says at every mark that the keys reach."""
    at = (
        "(() => { const on = document.activeElement, tip = document.getElementById('tip');"
        "return on.matches('svg [role=img]') ? [tip.hidden ? '' : tip.textContent, on.tabIndex] : on.tagName; })()"
    )
    told: list[str] = []
    page.run("document.getElementById('theme').focus()")
    while True:
        page.press("Tab")
        found = page.run(at)
        if found == "BODY":
            return told
        if isinstance(found, str):
            continue
        told.append(found[0])
        marks = page.run("document.activeElement.ownerSVGElement.querySelectorAll('[role=img]').length")
        for _ in range(marks - 1):
            page.press("ArrowRight")
            told.append(page.run(at)[0])
        # There is no more, and only one of them is on Tab's way.
        page.press("ArrowRight")
        assert page.run(at)[0] == told[-1]
        assert page.run("document.activeElement.ownerSVGElement.querySelectorAll('[tabindex=\"0\"]').length") == 1


def test_names_in_a_program_are_text(browse: Browse, network: Any, tmp_path: Path) -> None:
    name = "</script><script>document.title = 'broken'</script><b>&amp;"
    engine = json.loads(network.compiled.program.engine)
    for op in engine["ops"]:
        op["layer"] = name + op["layer"]
    program = dataclasses.replace(network.compiled.program, engine=json.dumps({**engine, "name": name}))
    run = dataclasses.replace(network.run, program=program, events=())
    spu_ditto.report(run, tmp_path / "hostile.html")
    seen = browse(tmp_path / "hostile.html")
    assert seen["title"].startswith(f"{name} · ")
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
