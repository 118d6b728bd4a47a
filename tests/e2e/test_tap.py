"""Somebody on every wire of a service: between callers and nodes, and among the nodes."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import spu_ditto
from ditto import _core
from ditto.parties.client import Client
from tests.e2e.nodes import NODES, free_ports, nodes_of, write_configuration

RIGHTS = {"owner": ["compute", "publish"], "bank": ["call"]}


class Tap:
    """Passes connections on to a port and records all bytes."""

    def __init__(self, port: int, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", port))
        self.recorded = bytearray()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self._target))
                except OSError:
                    client.close()
                    continue
                for source, sink in ((client, server), (server, client)):
                    threading.Thread(target=self._copy, args=(source, sink), daemon=True).start()

    def _copy(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                self.recorded += data
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


@pytest.fixture
def tapped(tmp_path: Path) -> Iterator[tuple[Path, list[Tap]]]:
    """A service whose advertised addresses are the taps'; the nodes listen behind them."""
    config = write_configuration(tmp_path, RIGHTS)
    data, behind = json.loads(config.read_text()), free_ports(6)
    told = [*data["nodes"].values(), *data["devices"]["SPU"]["config"]["spu_internal_addrs"]]
    data["ditto"]["bind"] = {
        name: {"callers": f"127.0.0.1:{behind[n]}", "parties": f"127.0.0.1:{behind[n + 3]}"}
        for n, name in enumerate(NODES)
    }
    config.write_text(json.dumps(data))
    with contextlib.ExitStack() as stack:
        taps = [Tap(int(address.rpartition(":")[2]), port) for address, port in zip(told, behind, strict=True)]
        for tap in taps:
            stack.callback(tap.close)
        stack.enter_context(nodes_of(config))
        yield config, taps


def test_what_passes_tells_nothing(tapped: tuple[Path, list[Tap]], monkeypatch: pytest.MonkeyPatch) -> None:
    config, taps = tapped
    secrets: list[bytes] = []

    def watched(name: str) -> Any:
        """What the callers put in or get out: masks, masked values, parts of results."""
        original = getattr(_core, name)

        def function(*arguments: Any) -> Any:
            result = original(*arguments)
            secrets.extend(part for part in arguments if isinstance(part, bytes))
            secrets.extend([result] if isinstance(result, bytes) else [])
            return result

        return function

    for name in ("mask_input", "reconstruct"):
        monkeypatch.setattr(_core, name, watched(name))
    w = np.random.default_rng(0).normal(size=(8, 8)).astype(np.float32)
    x = np.linspace(-1, 1, 64, dtype=np.float32).reshape(8, 8)
    compiled = spu_ditto.compile(lambda w, x: x @ w).lower(w, x).compile()
    with spu_ditto.connect(config, identity=config.parent / "owner") as parties:
        spu_ditto.publish(parties, "a-product-nobody-hears-of", compiled, {"w": w})
    with Client(config, config.parent / "bank") as client:
        found = client.call("a-product-nobody-hears-of", x=x)
    np.testing.assert_allclose(found, x @ w, atol=1e-3)
    # l1, l2 and m of the weights and of the argument, and two parts of the result.
    assert len(secrets) == 8 and min(map(len, secrets)) >= 300
    recorded = [bytes(tap.recorded) for tap in taps]
    # P2 connects to the others, so that nobody connects to it; whoever wants to reads what is sent to P0 and P1.
    assert all(len(record) > 1000 for n, record in enumerate(recorded) if n != 5)
    # What TLS itself says in the clear is there.
    assert all(f"node-{n}".encode() in recorded[n] for n in range(3))
    told = [b"a-product-nobody-hears-of", compiled.program.engine.encode()[:100], w.tobytes()[:16], x.tobytes()[:16]]
    for record in recorded:
        # Sixteen bytes are enough to be no accident.
        for secret in [*told, *(secret[start : start + 16] for secret in secrets for start in range(0, 64, 16))]:
            assert secret not in record
