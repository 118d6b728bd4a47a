"""The demo's page over HTTP: whom it answers, what it takes, what it never shows as it is. No node runs."""

from __future__ import annotations

import html
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ditto import demo
from ditto.errors import RuntimeFailure, UnsupportedError
from tests.accessibility import problems
from tests.browser import Browser

HOSTILE = "<img src=x onerror=\"document.title='broken'\">'&amp;"
STRIP = {"bytes": 2, "first": "00ff", "ones": 0.5}
NOTHING = {"bytes": 0, "first": "", "ones": None}


class Stub(demo.Caller):
    """Answers without nodes: what `answer` is, or raises it."""

    def __init__(self) -> None:
        self.name, self.task = HOSTILE, "fill-mask"
        self.answer: Any = [{"score": 0.25, "token_str": HOSTILE}]
        self.asked: list[tuple[str, str]] = []

    def ask(self, text: str, context: str = "") -> dict[str, Any]:
        self.asked.append((text, context))
        if isinstance(self.answer, Exception):
            raise self.answer
        node = {"name": HOSTILE, "address": HOSTILE, "numbers": 3, "from_nodes": 4, "to_nodes": 5, "part": STRIP}
        nodes = [{**node, "masked": masked} for masked in (NOTHING, STRIP, STRIP)]
        return {"answer": self.answer, "text": STRIP, "nodes": nodes, "rounds": 6, "seconds": 7.0, "nodes_seconds": 6.0}


@pytest.fixture
def caller() -> Stub:
    return Stub()


@pytest.fixture
def port(caller: Stub) -> Iterator[int]:
    with demo.served(caller) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def ask(
    port: int, body: str | bytes = '{"text": "x"}', path: str = "/ask", method: str = "POST", **headers: str | None
) -> tuple[int, str, http.client.HTTPMessage]:
    """Status, body and headers of a request; a header that is None is not sent."""
    given = {"Host": f"127.0.0.1:{port}", "Content-Type": "application/json", "Content-Length": str(len(body))}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in given.items():
        if value is not None:
            connection.putheader(name, value)
    connection.endheaders(body.encode() if isinstance(body, str) else body)
    answer = connection.getresponse()
    found = answer.status, answer.read().decode(), answer.headers
    connection.close()
    return found


def test_it_is_at_this_machine_alone(caller: Stub) -> None:
    with demo.served(caller) as server:
        assert server.socket.getsockname()[0] == "127.0.0.1"
        with pytest.raises(RuntimeFailure, match=r"cannot serve at 127.0.0.1:\d+: .* --port"):
            with demo.served(caller, server.server_port):
                pass


@pytest.mark.parametrize("method, path", [("GET", "/"), ("POST", "/ask")])
def test_who_came_by_another_name_is_turned_away(port: int, caller: Stub, method: str, path: str) -> None:
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1", f"127.0.0.1:{port + 1}", "", None):
        status, said, _ = ask(port, path=path, method=method, Host=host)
        assert status == 421 and f"http://127.0.0.1:{port}/" in json.loads(said)["error"]
    assert caller.asked == []
    assert ask(port, path=path, method=method, Host=f"localhost:{port}")[0] == 200


def test_other_pages_may_not_ask(port: int, caller: Stub) -> None:
    for origin in ("https://evil.example", "null", f"http://127.0.0.1:{port + 1}"):
        assert ask(port, Origin=origin)[0] == 403
    # What a page may send elsewhere without being allowed to.
    for kind in ("text/plain", "application/x-www-form-urlencoded", None):
        assert ask(port, Content_Type=kind)[0] == 415
    assert ask(port, "", method="OPTIONS")[0] == 501
    assert caller.asked == []
    assert ask(port, Origin=f"http://127.0.0.1:{port}")[0] == 200


@pytest.mark.parametrize(
    "body, status, words",
    [
        ("{}", 400, "no field text"),
        ("[]", 400, "no field text"),
        ('{"text": 3}', 400, "text is no text"),
        ('{"text": "x", "context": null}', 400, "context is no text"),
        ('{"text": " "}', 400, "Type a text"),
        ("not json", 400, "no JSON"),
        (b"\xff\xfe{", 400, "no JSON"),
        (json.dumps({"text": "x" * demo.MOST_BODY}), 413, "too long"),
        (json.dumps({"text": "x" * 20 * demo.MOST_BODY}), 413, "too long"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_it_does_not_take(port: int, caller: Stub, body: str | bytes, status: int, words: str) -> None:
    found, said, _ = ask(port, body)
    assert found == status and words in json.loads(said)["error"]
    assert caller.asked == []


def test_requests_that_are_none(port: int, caller: Stub) -> None:
    for length in (None, "-1", "many"):
        assert ask(port, Content_Length=length)[0] == 411
    for method, path in (("GET", "/ask"), ("GET", "/../etc/passwd"), ("POST", "/"), ("POST", f"/{HOSTILE}")):
        status, said, headers = ask(port, path=path.replace(" ", "%20"), method=method)
        assert status == 404 and HOSTILE not in said and headers["Content-Type"].startswith("application/json")
    with socket.create_connection(("127.0.0.1", port), 30) as connection:
        connection.sendall(b"<script>\r\n\r\n")
        assert b"text/html" not in connection.recv(4096)
    assert caller.asked == []


@pytest.mark.parametrize(
    "error, status", [(RuntimeFailure("P1 is lost"), 502), (UnsupportedError("the text has 12 tokens"), 422)]
)
def test_what_goes_wrong_is_a_sentence(port: int, caller: Stub, error: Exception, status: int) -> None:
    caller.answer = error
    found, said, _ = ask(port)
    assert (found, json.loads(said)["error"]) == (status, f"{error}.")


def test_every_answer_forbids_what_it_does_not_need(port: int) -> None:
    status, page, headers = ask(port, "", path="/", method="GET", Content_Length=None)
    policy = headers["Content-Security-Policy"]
    [nonce] = {part.split("'")[1] for part in policy.split("; ") if "nonce" in part}
    assert status == 200 and page.count(f'nonce="{nonce.removeprefix("nonce-")}"') == 2
    for part in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"):
        assert part in policy
    assert "unsafe" not in policy and "http" not in policy
    assert ask(port, "", path="/", method="GET")[2]["Content-Security-Policy"] != policy
    for got in (headers, ask(port)[2], ask(port, "{}")[2], ask(port, Host="evil.example")[2]):
        assert "default-src 'none'" in got["Content-Security-Policy"]
        assert got["Cache-Control"] == "no-store" and got["X-Content-Type-Options"] == "nosniff"
        assert got["Cross-Origin-Resource-Policy"] == "same-origin"


def test_it_refers_to_nothing_outside(port: int) -> None:
    page = ask(port, "", path="/", method="GET")[1]
    assert "://" not in page and " src=" not in page.replace(html.escape(HOSTILE), "") and "@import" not in page
    assert "<!-- m" not in page and "<!-- t" not in page and "<!-- n" not in page


def test_names_and_answers_are_text(port: int, caller: Stub, tmp_path: Path) -> None:
    with Browser(tmp_path) as browser, browser.open(f"http://127.0.0.1:{port}/", 400) as page:
        page.run("document.getElementById('text').focus()")
        page.type(HOSTILE)
        page.press("Tab")
        page.press("Enter")
        page.wait("!document.getElementById('result').hidden")
        assert caller.asked == [(HOSTILE, "")]
        assert page.run("document.title") == f"{HOSTILE}: a private answer"
        assert page.run("document.getElementById('headline').textContent") == HOSTILE
        assert page.run("document.images.length") == 0
        assert page.run("document.querySelectorAll('#nodes h3')[1].textContent") == f"P1, {HOSTILE}"
        assert problems(page) == []
