"""Parties started by hand, found through a configuration file."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ditto
import spu_ditto
from ditto.node.config import ConfigError, parse_config
from tests.e2e.programs import Builder, fxp, value_type

KEY = bytes(range(16))


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]


def configuration(ports: list[int]) -> dict[str, Any]:
    addresses = [f"127.0.0.1:{port}" for port in ports]
    ids = ["node:0", "node:1", "node:2"]
    spu = {"node_ids": ids, "spu_internal_addrs": addresses[3:], "runtime_config": {"timeoutSeconds": 300}}
    return {"nodes": dict(zip(ids, addresses)), "devices": {"SPU": {"kind": "SPU", "config": spu}}}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Path]:
    config = tmp_path / "3pc.json"
    config.write_text(json.dumps(configuration(free_ports(6))))
    root = str(Path(next(iter(ditto.__path__))).parent)
    environment = {**os.environ, "DITTO_AUTHKEY": KEY.hex(), "PYTHONPATH": root}
    with contextlib.ExitStack() as stack:
        for role in range(3):
            command = [sys.executable, "-m", "ditto.node", "--config", str(config), "--party", str(role)]
            node = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
            stack.enter_context(node)
            stack.callback(node.kill)
            assert node.stdout is not None
            assert b"listens" in node.stdout.readline()
        yield config


def test_callers_one_after_the_other(running: Path) -> None:
    b = Builder()
    x = b.input(fxp(32, 8, [4]))
    program = b.program(b.op("square", [x], fxp(24, 8, [4]), shift=8))
    for _ in range(2):
        with spu_ditto.connect(running, authkey=KEY) as parties:
            share = parties.put(np.array([0, 256, -512, 768]), value_type(b.values[0]))
            [result], _ = parties.run(program, [share])
            np.testing.assert_allclose(result, [0, 256, 1024, 2304], atol=1)
    with pytest.raises(spu_ditto.RuntimeFailure, match="closed"):
        parties.run(program, [share])


def test_the_key_is_needed(running: Path) -> None:
    with pytest.raises(spu_ditto.RuntimeFailure, match="P0 at 127.0.0.1:.* cannot be reached"):
        with spu_ditto.connect(running, authkey=b"wrong"):
            pass


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("nodes", "node:1"), "localhost", "nodes[node:1]: 'localhost' is not of the form host:port"),
        (("nodes", "node:1"), "localhost:99999", "not of the form host:port"),
        (("devices",), {}, "devices has no field 'SPU'"),
        (("devices", "SPU", "config", "node_ids"), ["node:0"], "node_ids must list three parties"),
        (("devices", "SPU", "config", "node_ids"), ["node:0", "node:1", "x"], "nodes has no field 'x'"),
    ],
)
def test_a_wrong_configuration_is_named(path: tuple[str, ...], value: Any, message: str) -> None:
    data = configuration([1, 2, 3, 4, 5, 6])
    inner = data
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    with pytest.raises(ConfigError, match=re.escape(message)):
        parse_config(data, "3pc.json")
