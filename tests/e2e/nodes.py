"""Three parties started by hand, as on three machines."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ditto

KEY = bytes(range(16))


def configuration(ports: list[int]) -> dict[str, Any]:
    """Three ports for the caller, then three for the parties."""
    addresses = [f"127.0.0.1:{port}" for port in ports]
    ids = ["node:0", "node:1", "node:2"]
    spu = {"node_ids": ids, "spu_internal_addrs": addresses[3:], "runtime_config": {"timeoutSeconds": 20}}
    return {"nodes": dict(zip(ids, addresses)), "devices": {"SPU": {"kind": "SPU", "config": spu}}}


@contextlib.contextmanager
def running_nodes(folder: Path) -> Iterator[Path]:
    """Runs the parties inside the `with` block; gives their configuration file."""
    config = folder / "3pc.json"
    config.write_text(json.dumps(configuration(_free_ports(6))))
    root = str(Path(next(iter(ditto.__path__))).parent)
    environment = {**os.environ, "DITTO_AUTHKEY": KEY.hex(), "PYTHONPATH": root}
    with contextlib.ExitStack() as stack:
        for role in range(3):
            command = [sys.executable, "-m", "ditto.parties.node", "--config", str(config), "--party", str(role)]
            node = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
            stack.enter_context(node)
            stack.callback(node.kill)
            assert node.stdout is not None
            assert b"listens" in node.stdout.readline()
        yield config


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]
