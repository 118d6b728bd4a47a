"""Three nodes that serve a published model, for tests of what goes wrong with them."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

import spu_ditto
from ditto.parties.client import Client
from ditto.parties.runtime import Stored
from ditto.parties.session import RemoteParties
from tests.e2e.nodes import CALLER, RunningNode, connected, nodes_of, start_node, write_configuration
from tests.e2e.programs import endless, fxp, value_type

RIGHTS = {CALLER: ["compute", "publish", "call"]}
# What takes long: `./dev faults` has it run, `./dev test` does not.
IN_FULL = pytest.mark.skipif("DITTO_ALL_FAULTS" not in os.environ, reason="./dev faults runs it")
# An error comes long before a time-out does: these are of twenty seconds.
SOON = 15.0
X = np.arange(6, dtype=np.float32)


class Service:
    """Three nodes with a published model, which triples six numbers."""

    def __init__(self, config: Path, nodes: list[RunningNode]) -> None:
        self.config, self.nodes = config, nodes
        self.publish("triple", 3)

    def publish(self, name: str, factor: float) -> None:
        compiled = spu_ditto.compile(lambda w, x: w * x).lower(np.float32(0), X).compile()
        with connected(self.config) as parties:
            spu_ditto.publish(parties, name, compiled, {"w": np.float32(factor)})

    def start_again(self, role: int) -> None:
        self.nodes[role].kill()
        self.nodes[role] = start_node(self.config, role)

    def client(self) -> Client:
        return Client(self.config, self.config.parent / CALLER)

    def check(self, client: Client | None = None, x: np.ndarray = X) -> None:
        """A caller, by default a new one, gets its answer."""
        with contextlib.nullcontext(client) if client is not None else self.client() as caller:
            assert caller is not None
            np.testing.assert_allclose(caller.call("triple", x=x), 3 * x, atol=1e-3)

    def all_alive(self) -> bool:
        return all(node.process.poll() is None for node in self.nodes)


@contextlib.contextmanager
def running_service(
    folder: Path, rights: Mapping[str, Sequence[str]] = RIGHTS, *, timeout: float = 20, host: str = "127.0.0.1"
) -> Iterator[Service]:
    """Runs it inside the `with` block. In the end nothing is in the nodes' logs that should not be."""
    config = write_configuration(folder, rights, timeout=timeout, host=host)
    with nodes_of(config) as nodes:
        yield Service(config, nodes)
    logs = "".join((folder / f"node-{role}.log").read_text() for role in range(3))
    assert "opened a session" in logs
    for wrong in ("Traceback", "PRIVATE KEY", *(key.read_text().splitlines()[1] for key in folder.glob("*.key"))):
        assert wrong not in logs, logs


@contextlib.contextmanager
def failing_soon(match: str | None = None, within: float = SOON) -> Iterator[None]:
    began = time.monotonic()
    with pytest.raises(spu_ditto.RuntimeFailure, match=match):
        yield
    assert time.monotonic() - began < within


def long_input(parties: RemoteParties) -> Stored:
    """What a run of many minutes takes."""
    n = 1000
    return parties.put(np.zeros((1, n, n), np.int64), value_type(fxp(32, 8, [1, n, n])))


def long_run(parties: RemoteParties) -> None:
    """A run of many minutes."""
    parties.run(endless(), [long_input(parties)])
