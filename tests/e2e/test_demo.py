"""The demo's page in a real browser: a sentence is typed, three nodes compute, and the page tells what is true."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ditto import demo
from ditto.cli import app
from tests.accessibility import problems
from tests.browser import Browser, Page
from tests.e2e.nodes import RunningNode, nodes_of, start_node, write_configuration

MODELS = Path(__file__).parent.parent / "nn" / "models"
TEXT = "the cat sleeps"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("chromium")) as started:
        yield started


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of `spu-ditto demo --local`, which leaves nothing behind."""
    temporary = tmp_path_factory.mktemp("temporary")
    command = [sys.executable, "-m", "ditto.cli", "demo", str(MODELS / "bert-sequence"), "--local", "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(temporary)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True
    ) as running:
        try:
            assert running.stdout is not None and running.stderr is not None
            said = running.stdout.readline()
            found = re.fullmatch(r"the page of bert-sequence listens at (\S+) until Ctrl-C\n", said)
            assert found, running.stderr.read()
            yield found[1]
            running.send_signal(signal.SIGTERM)
            assert running.wait(60) == 0
            assert not list(temporary.glob("spu-ditto-*"))
            # No text, no answer.
            assert running.stdout.read() == "" and TEXT not in running.stderr.read()
        finally:
            running.kill()


def ask(page: Page, *texts: str) -> None:
    """Types a text into each field and asks, by keyboard; waits until the page has said something of it."""
    page.run("document.getElementById('text').focus(); document.getElementById('text').select()")
    for text in texts:
        page.type(text)
        page.press("Tab")
    page.press("Enter")
    page.wait("!document.getElementById('ask').disabled")


def text(page: Page, selector: str) -> list[str]:
    found: list[str] = page.run(f"[...document.querySelectorAll({json.dumps(selector)})].map((n) => n.textContent)")
    return found


def strips(page: Page) -> dict[str, str]:
    """Bytes in hexadecimal, by what they are."""
    found: dict[str, str] = page.run(
        "Object.fromEntries([...document.querySelectorAll('pre')].map((n) => [n.ariaLabel, n.textContent]))"
    )
    return {name.removesuffix(", in hexadecimal"): value for name, value in found.items()}


def test_a_sentence_gets_its_answer(browser: Browser, local: str) -> None:
    told = json.loads((MODELS / "bert-sequence" / "pipeline.json").read_text())["result"][0]
    with browser.open(local) as page:
        assert page.run("document.getElementById('result').hidden")
        ask(page, TEXT)
        assert text(page, "#headline") == [told["label"]]
        label, score = text(page, "#answer tbody tr > *")
        assert label == told["label"] and float(score) == pytest.approx(told["score"], abs=0.03)
        assert page.run("document.activeElement.id") == "answer-title"


def test_what_the_nodes_received_is_noise_and_counted(browser: Browser, local: str) -> None:
    with browser.open(local) as page:
        ask(page, TEXT)
        first = strips(page)
        ask(page, TEXT)
        second = strips(page)
        rows = [text(page, f"#bytes tbody tr:nth-child({n}) > *") for n in (1, 2, 3)]
        cards = text(page, "#nodes article")
    assert bytes.fromhex(first["Your text, which did not leave"]) == TEXT.encode()
    at_p1, at_p2 = (f"P{n} received of your text, masked" for n in (1, 2))
    assert first[at_p1] == first[at_p2] != second[at_p1] == second[at_p2]
    masked = bytes.fromhex(first[at_p1])
    assert rows[1][1] == f"{len(masked):,} bytes"
    # Of the same text all bits are drawn anew: as many differ as of any two random strings, within 6 deviations.
    differing = bin(int(first[at_p1], 16) ^ int(second[at_p1], 16)).count("1")
    assert abs(differing - 4 * len(masked)) < 6 * (2 * len(masked)) ** 0.5
    part_1, part_2 = (first[f"P{n} sent back its part of the answer"] for n in (1, 2))
    assert part_1 != part_2
    assert not any(name.startswith("P0") for name in first)
    assert "P0 received 0 bytes of your text" in cards[0] and "no part of the answer" in cards[0]
    received, sent = ([int(row[n].split()[0].replace(",", "")) for row in rows] for n in (3, 4))
    assert received[0] == 0 and sum(received) == sum(sent) > 0


@pytest.mark.parametrize("width, dark", [(400, False), (400, True), (1200, False), (1200, True)])
def test_everybody_can_use_it(browser: Browser, local: str, width: int, dark: bool) -> None:
    with browser.open(local, width, dark=dark, refuses="/ask") as page:
        assert problems(page) == []
        ask(page, TEXT)
        assert problems(page) == []
        page.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        assert problems(page) == []
        ask(page, "the cat " * 10)
        assert problems(page) == []
        shade = page.run("getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).map(Number)[0]")
        assert (shade < 64) == dark


def test_the_keyboard_reaches_everything_in_the_order_of_the_page(browser: Browser, local: str) -> None:
    with browser.open(local) as page:
        ask(page, TEXT)
        everything = (
            "[...document.querySelectorAll('textarea, button, summary, [tabindex=\"0\"]')]"
            ".filter((node) => node.checkVisibility({ contentVisibilityAuto: true }))"
        )
        page.run("document.getElementById('text').focus()")
        reached = [0]
        while reached[-1] >= 0:
            page.press("Tab")
            reached.append(page.run(f"{everything}.indexOf(document.activeElement)"))
        assert reached[:-1] == list(range(page.run(f"{everything}.length"))) and len(reached) > 8


def test_bad_input_is_answered_by_a_sentence(browser: Browser, local: str) -> None:
    with browser.open(local, refuses="/ask") as page:
        ask(page, TEXT)
        ask(page, "the cat " * 10)
        [said] = text(page, "#said")
        assert "the text has 22 tokens, and 16 are the most" in said and "shorten it" in said
        assert page.run("document.getElementById('said').getAttribute('role')") == "alert"
        # The answer to another text is not left standing there.
        assert page.run("document.getElementById('result').hidden")
        ask(page, TEXT)
        assert text(page, "#said") == ["The answer is below."]


def publish(config: Path, model: str) -> None:
    arguments = [
        "--config",
        str(config),
        "--identity",
        str(config.parent / "owner"),
        "--name",
        model,
        "--seq-len",
        "16",
    ]
    result = CliRunner().invoke(app, ["publish", str(MODELS / model), *arguments])
    assert result.exit_code == 0, result.output


@contextlib.contextmanager
def served(config: Path, model: str) -> Iterator[str]:
    caller = demo.Caller(config, config.parent / "bank", model)
    with contextlib.closing(caller), demo.served(caller) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield demo.address(server)
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[RunningNode]]]:
    """Three nodes of a configuration with two published models."""
    config = write_configuration(tmp_path_factory.mktemp("nodes"), {"owner": ["compute", "publish"], "bank": ["call"]})
    with nodes_of(config) as nodes:
        for model in ("bert-sequence", "bert-qa"):
            publish(config, model)
        yield config, nodes


def test_a_question_has_two_fields(browser: Browser, service: tuple[Path, list[RunningNode]]) -> None:
    context = "the cat sleeps on the mat"
    with served(service[0], "bert-qa") as address, browser.open(address) as page:
        ask(page, "who sleeps", context)
        [answer] = text(page, "#headline")
        assert answer and answer in context
        assert problems(page) == []


def test_a_node_that_is_down_is_named_and_waited_for(browser: Browser, service: tuple[Path, list[RunningNode]]) -> None:
    config, nodes = service
    with served(config, "bert-sequence") as address, browser.open(address, refuses="/ask") as page:
        ask(page, TEXT)
        answer = text(page, "#headline")
        nodes.pop(1).kill()
        ask(page, TEXT)
        [said] = text(page, "#said")
        assert said.startswith("P1 at 127.0.0.1:") and "is lost" in said
        nodes.insert(1, start_node(config, 1))
        ask(page, TEXT)
        assert (text(page, "#said"), text(page, "#headline")) == (["The answer is below."], answer)


def test_what_cannot_be_shown_is_said_before(service: tuple[Path, list[RunningNode]]) -> None:
    config = service[0]
    identity = ["--config", str(config), "--identity", str(config.parent / "bank")]
    for arguments, words in (
        (["nothing", *identity], "has no publication 'nothing'"),
        ([str(config.parent), "--local"], "config.json"),
    ):
        result = CliRunner().invoke(app, ["demo", *arguments])
        assert result.exit_code == 1 and words in " ".join(result.output.split()), result.output
