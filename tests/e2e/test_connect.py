"""Parties started by hand, found through a configuration file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import spu_ditto
from ditto.parties.config import ConfigError, parse_config
from ditto.parties.simulator import Simulator
from tests.e2e.nodes import KEY, configuration, running_nodes
from tests.e2e.programs import Builder, fxp, value_type


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Path]:
    with running_nodes(tmp_path) as config:
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


def test_every_session_has_its_own_keys(running: Path) -> None:
    masks = set()
    for _ in range(3):
        with spu_ditto.connect(running, authkey=KEY) as parties:
            mask = {"command": "mask", "id": 0, "shape": [4], "width": 32}
            _, (_, [l1]), (_, [l2]) = parties._call(lambda: parties._all(mask))  # noqa: B023
            masks |= {l1, l2}
    assert len(masks) == 6


def test_a_value_belongs_to_its_session(running: Path) -> None:
    b = Builder()
    x = b.input(fxp(32, 8, [4]))
    program = b.program(b.op("neg", [x], fxp(32, 8, [4])))
    type = value_type(b.values[0])
    with spu_ditto.connect(running, authkey=KEY) as first:
        old = first.put(np.arange(4), type)
    with spu_ditto.connect(running, authkey=KEY) as second:
        own = second.put(np.arange(4, 8), type)
        for foreign in (old, Simulator().put(np.arange(4), type)):
            with pytest.raises(spu_ditto.RuntimeFailure, match="input 0 is a value of another session"):
                second.run(program, [foreign])
        assert second.run(program, [own])[0][0].tolist() == [-4, -5, -6, -7]


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
