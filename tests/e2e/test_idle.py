"""A session that nobody uses ends, and its caller learns why."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import spu_ditto
from ditto.parties import node, wire
from ditto.parties.client import describe
from ditto.parties.config import Config, read_config
from ditto.parties.identity import Identity
from ditto.parties.publication import Store
from ditto.parties.quota import Quota
from ditto.parties.stock import Stock
from tests.e2e.nodes import CALLER, NODES, file_of, write_configuration
from tests.e2e.programs import fxp, value_type

IDLE = 2.0


@pytest.fixture
def nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Config]:
    """Three nodes in this process, whose sessions may be idle for two seconds."""
    monkeypatch.setattr(wire, "IDLE_SECONDS", IDLE)
    # This process is not to change for other tests.
    monkeypatch.setattr(node, "_keep_memory_private", lambda: None)
    config = read_config(write_configuration(tmp_path, {CALLER: ["compute"]}))
    identities = [Identity.load(tmp_path / file_of(name)) for name in NODES]
    running = [
        node.Node(role, config, identities[role], Store(None, None), Stock(None, None), Quota(None))
        for role in range(3)
    ]
    for one in running:
        one.start()
    yield config
    for one in running:
        one.stop()


def test_an_idle_session_ends(nodes: Config, tmp_path: Path) -> None:
    identity = Identity.load(tmp_path / CALLER)
    type = value_type(fxp(32, 8, [4]))
    with spu_ditto.connect(tmp_path / "3pc.json", identity=identity) as parties:
        began = time.monotonic()
        # It is not the age that counts.
        while time.monotonic() < began + 2 * IDLE:
            parties.put(np.arange(4), type)
            time.sleep(IDLE / 8)
        while describe(nodes, 1, identity).sessions:
            assert time.monotonic() < began + 10 * IDLE
            time.sleep(0.1)
        with pytest.raises(spu_ditto.RuntimeFailure, match="had heard nothing for 2 seconds"):
            parties.put(np.arange(4), type)
    with spu_ditto.connect(tmp_path / "3pc.json", identity=identity) as parties:
        parties.put(np.arange(4), type)
