"""Somebody on the wires of a service: between callers and nodes, and among the nodes."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from tests.e2e.nodes import NODES, free_ports, write_configuration


class Tap:
    """Passes connections on to a port and records all bytes."""

    def __init__(self, port: int, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", port))
        self._open: list[socket.socket] = []
        self.recorded = bytearray()
        self.changed: Callable[[bytes], bytes] = bytes
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Ends the connections that there are now, as a network that fails does; new ones are passed on."""
        while self._open:
            with contextlib.suppress(OSError):
                self._open.pop().shutdown(socket.SHUT_RDWR)

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
                self._open += [client, server]
                for source, sink in ((client, server), (server, client)):
                    threading.Thread(target=self._copy, args=(source, sink), daemon=True).start()

    def _copy(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                self.recorded += data
                sink.sendall(self.changed(data))
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def tapped_configuration(
    folder: Path, rights: Mapping[str, Sequence[str]], *, timeout: float = 20
) -> Iterator[tuple[Path, list[Tap]]]:
    """A configuration whose advertised addresses are the taps'; the nodes will listen behind them.

    The taps are those to the nodes from callers, then those from the other nodes.
    """
    config = write_configuration(folder, rights, timeout=timeout)
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
        yield config, taps
