"""Three parties that are processes of their own, here or elsewhere, as a runtime."""

from __future__ import annotations

import json
import secrets
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

import numpy as np

from ditto import _core
from ditto.node import wire
from spu_ditto.accounting import ring_width, run_report, sharing_bytes
from spu_ditto.encoding import Encoded, ValueType
from spu_ditto.errors import RangeError, RuntimeFailure
from spu_ditto.program import RingProgram
from spu_ditto.reports.run_report import RunReport
from spu_ditto.runtime import OUT_OF_RANGE, Stored

# How long to wait for the other parties' accounts of a failure, in seconds.
_GRACE = 3.0

_Message = tuple[dict[str, Any], Sequence[Any]]


@dataclass(frozen=True, eq=False)
class RemoteValue:
    """A value the parties hold shares of, until this is garbage."""

    id: int
    input_bytes: int


class RemoteParties:
    """A session with three parties over control connections. Closed, like a file, by `close` or a `with` block.

    Args:
        connections: to P0, P1, P2.
        why_lost: what is known about a party whose connection broke.
    """

    def __init__(self, connections: Sequence[Connection], why_lost: Callable[[int], str]) -> None:
        self._connections = list(connections)
        self._why_lost = why_lost
        self._lock = threading.Lock()
        self._failure = ""
        self._next_id = 0
        # Garbage collection may happen anywhere, so what it frees is told to the parties with the next command.
        self._dropped: deque[int] = deque()
        self._forgotten: deque[str] = deque()
        self._programs: weakref.WeakKeyDictionary[RingProgram, tuple[str, _Outputs]] = weakref.WeakKeyDictionary()
        addresses = [reply["address"] for reply, _ in self._all({"command": "listen"})]
        self._all({"command": "open", "session": secrets.token_hex(16), "addresses": addresses})

    def put(self, encoded: Encoded, type: ValueType) -> Stored:
        """Shares an encoded array; see `Runtime.put`."""
        width, shape = ring_width(type), list(encoded.shape)
        values = np.asarray(encoded, np.int64, order="C")
        with self._lock:
            id = self._next_id
            self._next_id += 1
            value = {"id": id, "shape": shape, "width": width}
            _, (_, [l1]), (_, [l2]) = self._all({"command": "mask", **value})
            masked = _core.mask_input(values, width, l1, l2)
            told = {"command": "masked", **value}
            self._each([(told, []), (told, [masked]), (told, [masked])])
        stored = RemoteValue(id, sharing_bytes(encoded.size, width))
        weakref.finalize(stored, self._dropped.append, id)
        return stored

    def run(
        self, program: RingProgram, inputs: Sequence[Stored | Encoded], *, offline_first: bool = False
    ) -> tuple[list[Encoded], RunReport]:
        """Runs a program; see `Runtime.run`."""
        with self._lock:
            hash, types = self._loaded(program)
            named: list[int | list[int]] = []
            public = []
            for value in inputs:
                if isinstance(value, RemoteValue):
                    named.append(value.id)
                else:
                    array = np.asarray(value, "<i8", order="C")
                    named.append(list(array.shape))
                    public.append(array)
            header = {"command": "run", "program": hash, "inputs": named, "offline_first": offline_first}
            start = time.perf_counter()
            replies = self._all(header, public)
            seconds = time.perf_counter() - start
        if any("out_of_range" in reply for reply, _ in replies):
            raise RangeError(OUT_OF_RANGE)
        (_, _), (_, from_p1), (_, from_p2) = replies
        outputs = [
            _core.reconstruct(a, b, shape, width) for a, b, (shape, width) in zip(from_p1, from_p2, types, strict=True)
        ]
        peak = sum(reply["peak_rss_bytes"] for reply, _ in replies)
        reports = [reply["report"] for reply, _ in replies]
        return outputs, run_report(seconds, reports, offline_first=offline_first, peak_rss_bytes=peak)

    def close(self) -> None:
        """Ends the session."""
        self._failure = self._failure or "the session is closed"
        for connection in self._connections:
            connection.close()

    def _loaded(self, program: RingProgram) -> tuple[str, _Outputs]:
        known = self._programs.get(program)
        if known is None:
            constants = [np.asarray(c, "<i8", order="C") for c in program.constants]
            header = {"command": "program", "shapes": [list(c.shape) for c in constants]}
            (reply, _), _, _ = self._all(header, [program.engine.encode(), *constants])
            known = self._programs[program] = reply["hash"], _output_types(program)
            weakref.finalize(program, self._forgotten.append, known[0])
        return known

    def _all(self, header: dict[str, Any], buffers: Sequence[Any] = ()) -> list[tuple[dict[str, Any], list[bytes]]]:
        return self._each([(header, buffers)] * 3)

    def _each(self, messages: Sequence[_Message]) -> list[tuple[dict[str, Any], list[bytes]]]:
        """Sends every party a command and gathers the replies. A failure ends the session."""
        if self._failure:
            raise RuntimeFailure(f"the parties have failed before; open another session. {self._failure}")
        housekeeping = {"drop": _drain(self._dropped), "forget": _drain(self._forgotten)}
        errors: dict[int, str] = {}
        for role, (header, buffers) in enumerate(messages):
            try:
                wire.send(self._connections[role], {**header, **housekeeping}, buffers)
            except OSError:
                errors[role] = self._why_lost(role)
        replies: dict[int, tuple[dict[str, Any], list[bytes]]] = {}
        deadline = None
        while len(replies) + len(errors) < 3:
            if errors and deadline is None:
                deadline = time.monotonic() + _GRACE
            pending = [c for role, c in enumerate(self._connections) if role not in replies and role not in errors]
            ready = wait(pending, None if deadline is None else max(0.0, deadline - time.monotonic()))
            if not ready:
                break
            for connection in ready:
                role = self._connections.index(connection)  # type: ignore[arg-type]
                try:
                    reply = wire.receive(self._connections[role])
                except (OSError, EOFError, wire.MalformedMessage):
                    errors[role] = self._why_lost(role)
                    continue
                if "error" in reply[0]:
                    errors[role] = str(reply[0]["error"])
                else:
                    replies[role] = reply
        if errors:
            # Whoever fails tells the others why, and they repeat it: the cause is the shortest account.
            self._failure = min(errors.values(), key=len)
            raise RuntimeFailure(self._failure)
        return [replies[role] for role in range(3)]


_Outputs = list[tuple[list[int], int]]


def _output_types(program: RingProgram) -> _Outputs:
    engine = json.loads(program.engine)
    values = [engine["values"][id] for id in engine["outputs"]]
    return [(value["shape"], 1 if value["kind"] == "bit" else value["width"]) for value in values]


def _drain(queue: deque[Any]) -> list[Any]:
    return [queue.popleft() for _ in range(len(queue))]
