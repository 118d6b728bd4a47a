"""A real browser for tests of pages: Debian's Chromium, headless, told over a pipe what a person would do.

Source: the Chrome DevTools Protocol, JSON messages that end in a zero byte.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

_FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe")
_KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "ArrowRight": 39, "ArrowLeft": 37, "Home": 36, "End": 35}


class Browser:
    """Chromium's process; ends with the `with` block. Nothing that it needs is fetched."""

    def __init__(self, profile: Path) -> None:
        chromium = shutil.which("chromium")
        assert chromium, "there is no browser: apt-get install --no-install-recommends chromium (./dev test does)"
        from_here, to_here = os.pipe(), os.pipe()
        # It reads from its descriptor 3, and writes to 4.
        shell = f'exec "$@" 3<&{from_here[0]} 4>&{to_here[1]}'
        self._process = subprocess.Popen(
            ["bash", "-c", shell, "bash", chromium, *_FLAGS, f"--user-data-dir={profile}"],
            pass_fds=(from_here[0], to_here[1]),
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"HOME": str(profile), "PATH": "/usr/bin:/bin"},
        )
        os.close(from_here[0])
        os.close(to_here[1])
        self._sink, self._source = os.fdopen(from_here[1], "wb"), os.fdopen(to_here[0], "rb")
        self._rest = b""
        self._last = 0
        self._events: list[dict[str, Any]] = []

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()
        self._sink.close()
        self._source.close()

    @contextlib.contextmanager
    def open(
        self, url: str, width: int = 1280, height: int = 900, *, dark: bool = False, refuses: str | None = None
    ) -> Iterator[Page]:
        """A tab with a page of this size, loaded. Whatever its console has said by the end of the block fails the test.

        Args:
            refuses: what may answer with an error: the end of its address.
        """
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session)
        for domain in ("Page", "Runtime", "Log"):
            page.call(f"{domain}.enable")
        page.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        page.call("Emulation.setEmulatedMedia", features=[scheme])
        page.call("Emulation.setFocusEmulationEnabled", enabled=True)
        page.call("Page.navigate", url=url)
        page.wait("document.readyState === 'complete' && location.href !== 'about:blank'")
        yield page
        said = [json.dumps(one) for one in page.console() if not _is_refusal(one, refuses)]
        self.call("Target.closeTarget", targetId=target)
        assert not said, "\n".join(said)

    def call(self, method: str, session: str | None = None, /, **params: Any) -> Any:
        """A command's result; what else the browser says meanwhile is kept."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": params} | ({"sessionId": session} if session else {})
        self._sink.write(json.dumps(message).encode() + b"\0")
        self._sink.flush()
        while True:
            answer = self._read()
            if answer.get("id") == self._last:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            self._events.append(answer)

    def events(self, session: str) -> list[dict[str, Any]]:
        """What a tab has said so far."""
        return [event for event in self._events if event.get("sessionId") == session]

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            data = os.read(self._source.fileno(), 1 << 20)
            assert data, "the browser has ended"
            self._rest += data
        message, _, self._rest = self._rest.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found


class Page:
    """A tab."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser, self._session = browser, session

    def call(self, method: str, **params: Any) -> Any:
        return self._browser.call(method, self._session, **params)

    def run(self, script: str) -> Any:
        """The value of the expression, or of the promise, that a script is."""
        done = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def wait(self, condition: str, seconds: float = 60) -> None:
        """Until an expression is true."""
        deadline = time.monotonic() + seconds
        while not self.run(condition):
            assert time.monotonic() < deadline, f"in vain: {condition}"
            time.sleep(0.05)

    def type(self, text: str) -> None:
        """Text, to what has the focus."""
        self.call("Input.insertText", text=text)

    def press(self, key: str, *, shift: bool = False) -> None:
        """A key, on what has the focus."""
        of_key = {"key": key, "code": key, "windowsVirtualKeyCode": _KEYS[key], "modifiers": 8 if shift else 0}
        text = {"Enter": "\r", " ": " "}.get(key)
        kind = {"type": "keyDown", "text": text} if text else {"type": "rawKeyDown"}
        self.call("Input.dispatchKeyEvent", **kind, **of_key)
        self.call("Input.dispatchKeyEvent", type="keyUp", **of_key)

    def console(self) -> list[dict[str, Any]]:
        """All lines and errors in the console, those of refused resources included."""
        told = {"Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"}
        return [event["params"] for event in self._browser.events(self._session) if event["method"] in told]

    def screenshot(self, path: Path) -> None:
        """The whole page as a PNG."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"]))


def _is_refusal(said: dict[str, Any], address: str | None) -> bool:
    """Whether a line of the console is of an address that may answer with an error."""
    entry = said.get("entry", {})
    return address is not None and entry.get("source") == "network" and entry.get("url", "").endswith(address)
