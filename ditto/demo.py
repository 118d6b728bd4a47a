"""A page on a data owner's own machine: a text goes in; the answer comes out, and what each node received for it.

It is served at 127.0.0.1 alone, to browsers that call it by that name: a page from elsewhere, whose name has been made
to point here, is turned away. What it shows of a call is what `Client` sent and received in that call. Nothing of texts
or answers is logged or kept.
"""

from __future__ import annotations

import contextlib
import html
import http.server
import importlib.resources
import json
import secrets
import threading
import time
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

from ditto.errors import DittoError, RuntimeFailure
from ditto.parties.client import Client
from ditto.parties.config import Config, read_config, shown
from ditto.parties.identity import Identity
from ditto.parties.run_report import RunReport
from ditto.parties.session import Exchange

HOST = "127.0.0.1"
# Of a request's body, in bytes: many times what any program has tokens for.
MOST_BODY = 1 << 16
# Of what passed, in bytes: more than that is a picture of noise no better.
_SHOWN = 1024
_FIELDS = ("text", "context")


class Refused(Exception):
    """A request that is not answered: a status and a sentence."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


class Caller:
    """A published model, and what passed in the last call of it. Calls wait for each other.

    Args:
        config: the nodes, as `Client` takes them.
        identity: this caller's.
        name: what the model was published as.

    Raises:
        DittoError: the nodes cannot be reached, or have no such model for texts.
    """

    def __init__(self, config: str | Path | Config, identity: str | Path | Identity | None, name: str) -> None:
        self.name = name
        self._config = config if isinstance(config, Config) else read_config(config)
        self._client = Client(self._config, identity, tap=self._note)
        self._lock = threading.Lock()
        self._passed: dict[tuple[int, str], Exchange] = {}
        self._reports: list[RunReport] = []
        try:
            self._pipeline = self._client.pipeline(name, told=self._reports.append)
        except BaseException:
            self._client.close()
            raise
        self.task = self._pipeline.task

    def close(self) -> None:
        """Ends the session with the nodes."""
        self._client.close()

    def ask(self, text: str, context: str = "") -> dict[str, Any]:
        """The answer to a text (with the text that holds it, if it is a question), and what it took.

        Raises:
            DittoError: the text is too long, a party failed, or a value left its range.
        """
        with self._lock:
            self._passed.clear()
            self._reports.clear()
            began = time.perf_counter()
            if self.task == "question-answering":
                answer = self._pipeline(question=text, context=context)
            else:
                answer = self._pipeline(text)
            seconds = time.perf_counter() - began
            [report] = self._reports
            return {
                "answer": answer,
                "text": _strip((f"{text}\n{context}" if context else text).encode()),
                "nodes": [self._node(role, report) for role in range(3)],
                "rounds": report.rounds,
                "seconds": seconds,
                "nodes_seconds": report.seconds,
            }

    def _note(self, exchange: Exchange) -> None:
        self._passed[exchange.role, exchange.command] = exchange

    def _node(self, role: int, report: RunReport) -> dict[str, Any]:
        """What a node received and sent: in its own words where others sent it, in bytes where this process did."""
        # P0 is told nothing of a run that was dealt ahead.
        masked, run = (self._passed.get((role, command), _NOTHING) for command in ("masked", "run"))
        p0, p1, p2 = report.sent
        return {
            "name": self._config.names[role],
            "address": shown(self._config.nodes[role]),
            "masked": _strip(b"".join(masked.sent)),
            "numbers": sum(map(len, run.sent)),
            # P0 deals to P2; P1 and P2 exchange; P0 receives nothing.
            "from_nodes": (0, p2, p0 + p1)[role],
            "to_nodes": report.sent[role],
            "part": _strip(b"".join(run.received)),
        }


_NOTHING = Exchange(0, "", (), ())


def _strip(data: bytes) -> dict[str, Any]:
    """Bytes as the page draws them: how many, the first of them, and which part of all their bits is set."""
    ones = int.from_bytes(data, "big").bit_count() / (8 * len(data)) if data else None
    return {"bytes": len(data), "first": data[:_SHOWN].hex(), "ones": ones}


@contextlib.contextmanager
def served(caller: Caller, port: int = 0) -> Iterator[Server]:
    """A server of the page, whose `serve_forever` is for the `with` block to call.

    Args:
        port: 0 takes one that is free.

    Raises:
        RuntimeFailure: the port is taken.
    """
    try:
        server = Server(caller, port)
    except OSError as error:
        raise RuntimeFailure(f"cannot serve at {HOST}:{port}: {error.strerror}; choose another --port") from error
    with server:
        yield server


def address(server: Server) -> str:
    """Where a browser finds the page."""
    return f"http://{HOST}:{server.server_port}/"


class Server(http.server.ThreadingHTTPServer):
    """Serves the page of a caller, at this machine's own address alone."""

    def __init__(self, caller: Caller, port: int) -> None:
        super().__init__((HOST, port), _Handler)
        self.caller = caller
        self.page = importlib.resources.files("ditto").joinpath("demo.html").read_text(encoding="utf-8")
        for mark, text in (("<!-- model -->", caller.name), ("<!-- task -->", caller.task)):
            self.page = self.page.replace(mark, html.escape(text))


class _Handler(http.server.BaseHTTPRequestHandler):
    """One request. Every answer but the page itself is JSON, {"error": sentence} where something is wrong."""

    # Of a browser that sends nothing any more, in seconds.
    timeout = 30
    server_version, sys_version = "spu-ditto", ""
    server: Server

    def do_GET(self) -> None:
        with self._answering():
            if self.path != "/":
                raise Refused(HTTPStatus.NOT_FOUND, "There is nothing here; the page is at /.")
            nonce = secrets.token_urlsafe(16)
            self._send(HTTPStatus.OK, "text/html", self.server.page.replace("<!-- nonce -->", nonce), nonce)

    def do_POST(self) -> None:
        with self._answering():
            if self.path != "/ask":
                raise Refused(HTTPStatus.NOT_FOUND, "There is nothing here; questions go to /ask.")
            given = self._given()
            if not given["text"].strip():
                raise Refused(HTTPStatus.BAD_REQUEST, "Type a text first.")
            told = self.server.caller.ask(**given)
            self._send(HTTPStatus.OK, "application/json", json.dumps(told, default=lambda a: a.tolist()))

    @contextlib.contextmanager
    def _answering(self) -> Iterator[None]:
        """Turns away who does not come from this page's own address, and says what goes wrong in a sentence."""
        try:
            own = {f"{name}:{self.server.server_port}" for name in (HOST, "localhost")}
            host, origin = self.headers.get("Host"), self.headers.get("Origin")
            if host not in own:
                raise Refused(HTTPStatus.MISDIRECTED_REQUEST, f"This page is at {address(self.server)} alone.")
            if origin not in (None, f"http://{host}"):
                raise Refused(HTTPStatus.FORBIDDEN, "Other pages may not ask here.")
            yield
        except Refused as refused:
            self.send_error(refused.status, str(refused))
        except RuntimeFailure as error:
            self.send_error(HTTPStatus.BAD_GATEWAY, f"{error}.")
        except DittoError as error:
            self.send_error(HTTPStatus.UNPROCESSABLE_ENTITY, f"{error}.")
        except (ConnectionError, TimeoutError):
            # The browser has left.
            raise
        except Exception:
            self.send_error(HTTPStatus.INTERNAL_SERVER_ERROR, "This should not happen; the terminal tells more.")
            raise

    def _given(self) -> dict[str, str]:
        """The fields of the request."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            raise Refused(HTTPStatus.LENGTH_REQUIRED, "The request does not say how long it is.")
        # Read in part even if it is too long: a browser hears nothing before it has sent what it has.
        body = self.rfile.read(min(int(length), 16 * MOST_BODY))
        if int(length) > MOST_BODY:
            raise Refused(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The text is too long: at most {MOST_BODY} bytes are taken."
            )
        # No other page can send this kind without having asked this server first, which does not answer that.
        if self.headers.get_content_type() != "application/json":
            raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The request is not of the type application/json.")
        try:
            given = json.loads(body)
        except ValueError as error:
            raise Refused(HTTPStatus.BAD_REQUEST, "The request is no JSON.") from error
        if not isinstance(given, dict) or "text" not in given:
            raise Refused(HTTPStatus.BAD_REQUEST, "The request has no field text.")
        fields = {name: given.get(name, "") for name in _FIELDS}
        for name, value in fields.items():
            if not isinstance(value, str):
                raise Refused(HTTPStatus.BAD_REQUEST, f"The field {name} is no text.")
        return fields

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        said = message or HTTPStatus(code).phrase
        self._send(code, "application/json", json.dumps({"error": said}))

    def _send(self, code: int, kind: str, text: str, nonce: str | None = None) -> None:
        content = text.encode()
        allowed = "" if nonce is None else f"script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; "
        headers = {
            "Content-Type": f"{kind}; charset=utf-8",
            "Content-Length": str(len(content)),
            "Content-Security-Policy": f"default-src 'none'; {allowed}connect-src 'self'; img-src data:; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        }
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: what a line would say is not of use, and might be of somebody else's."""
