"""The three parties in one process, each with what a node has for a caller, and no network but the loopback."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from ditto import _core
from ditto.parties import wire_pb2 as pb
from ditto.parties.commands import Party, Session
from ditto.parties.config import read_config
from ditto.parties.publication import Store
from ditto.parties.quota import Quota
from ditto.parties.stock import Stock
from tests.e2e.nodes import CALLER, write_configuration
from tests.e2e.programs import Builder, fxp

# The longest wait of a party for another, in seconds.
TIMEOUT = 1.0
X = np.array([1, -2, 300, 0])

Told = tuple[pb.Request, list[bytes]]
Answer = tuple[pb.Reply, list[bytes]]


class Parties:
    """Three parties to which callers open sessions."""

    def __init__(self, folder: Path) -> None:
        self.pool = ThreadPoolExecutor(3)
        config = read_config(write_configuration(folder, {CALLER: ["compute", "publish", "call"]}))
        config = dataclasses.replace(config, timeout=TIMEOUT)
        self.parties = []
        for role in range(3):
            listener = _core.Listener("127.0.0.1", 0)
            self.parties.append(Party(role, config, listener, None, Store(None, None), Stock(None, None), Quota(None)))
        ports = [party.listener.port for party in self.parties]
        internal: Any = tuple(("127.0.0.1", port) for port in ports)
        for party in self.parties:
            party.config = dataclasses.replace(config, internal=internal)
        self.agreement = self.parties[0].config.agreement()
        self._sessions = 0

    def conversation(self) -> Conversation:
        """With a caller who has not said anything yet."""
        self._sessions += 1
        return Conversation(self, self._sessions.to_bytes(16, "little"))


class Conversation:
    """A caller's session with all three."""

    def __init__(self, parties: Parties, name: bytes) -> None:
        self.name, self.agreement, self.parties = name, parties.agreement, parties.parties
        self.sessions = [Session(party, CALLER) for party in parties.parties]
        self._pool = parties.pool

    def say(self, told: Mapping[int, Told]) -> dict[int, Answer]:
        """Tells parties, by role, their requests, all at once; in the end what they answer."""
        return dict(zip(told, self._pool.map(self._handled, told, told.values())))

    def _handled(self, role: int, told: Told) -> Answer:
        reply, results = self.sessions[role].handle(*told)
        if reply.error:
            # As the caller's end does, which the others see.
            for other in self.sessions:
                other.abort(f"the caller has left: {reply.error}")
        return reply, list(results)

    def close(self) -> None:
        """Ends it at all parties."""
        # At once: the end of a session waits for the others'.
        list(self._pool.map(Session.close, self.sessions))


def tripled() -> tuple[str, list[int]]:
    """The program 3 x, and the shape of its input."""
    b = Builder()
    x = b.input(fxp(32, 8, [4]))
    return b.text(b.op("add", [b.op("add", [x, x], fxp(32, 8, [4])), x], fxp(32, 8, [4]))), [4]
