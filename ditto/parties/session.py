"""Three parties that are processes of their own, here or elsewhere, as a runtime."""

from __future__ import annotations

import json
import os
import secrets
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

import numpy as np

from ditto import _core
from ditto.encoding import Encoded, ValueType
from ditto.errors import RangeError, RuntimeFailure
from ditto.parties import wire
from ditto.parties.accounting import ring_width, run_report, sharing_bytes
from ditto.parties.program import RingProgram
from ditto.parties.run_report import RunReport
from ditto.parties.runtime import OUT_OF_RANGE, Stored

# How long to wait for the other parties' accounts of a failure, in seconds.
_GRACE = 3.0

_INTERRUPTED = "the session was interrupted in the middle of a call"

_Message = tuple[dict[str, Any], Sequence[Any]]
_T = TypeVar("_T")


@dataclass(frozen=True, eq=False)
class RemoteValue:
    """A value the parties of one session hold shares of, until this is garbage."""

    session: str
    id: int
    input_bytes: int


class RemoteParties:
    """A session with three parties over control connections. Closed, like a file, by `close` or a `with` block.

    Threads may share it: calls wait for each other. Whatever goes wrong within a call, an interrupt in this process
    included, ends the session here and at the parties, since neither side knows how far the other has come.

    Args:
        connections: to P0, P1, P2.
        why_lost: what is known about a party whose connection broke.
        check_ranges: debug mode, as in `Runtime`.
    """

    def __init__(
        self, connections: Sequence[Connection], why_lost: Callable[[int], str], *, check_ranges: bool = False
    ) -> None:
        self.check_ranges = check_ranges
        self._connections = list(connections)
        self._why_lost = why_lost
        self._session = secrets.token_hex(16)
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._in_call = False
        self._ended = ""
        self._requests = 0
        self._next_id = 0
        self._next_program = 0
        # Garbage collection may happen anywhere, so what it frees is told to the parties with the next command.
        self._dropped: deque[int] = deque()
        self._forgotten: deque[int] = deque()
        self._programs: weakref.WeakKeyDictionary[RingProgram, tuple[int, _Outputs]] = weakref.WeakKeyDictionary()
        for connection in connections:
            wire.hurry(connection)
        self._call(self._open)

    def __repr__(self) -> str:
        state = [", checks ranges"] * self.check_ranges + [f", {self._ended}"] * bool(self._ended)
        return f"<RemoteParties in a session of process {self._process}{''.join(state)}>"

    def put(self, encoded: Encoded, type: ValueType) -> Stored:
        """Shares an encoded array; see `Runtime.put`."""
        width = ring_width(type)
        values = np.asarray(encoded, np.int64, order="C")
        return self._call(lambda: self._share(values, width))

    def run(
        self,
        program: RingProgram,
        inputs: Sequence[Stored | Encoded],
        *,
        offline_first: bool = False,
        keep: Collection[int] = (),
    ) -> tuple[Sequence[Encoded | Stored], RunReport]:
        """Runs a program; see `Runtime.run`."""
        named: list[int | list[int]] = []
        public = []
        for n, value in enumerate(inputs):
            if isinstance(value, np.ndarray):
                array = np.asarray(value, "<i8", order="C")
                named.append(list(array.shape))
                public.append(array)
            elif isinstance(value, RemoteValue) and value.session == self._session:
                named.append(value.id)
            else:
                raise RuntimeFailure(f"input {n} is a value of another session; share it in this one")
        header = {"command": "run", "inputs": named, "offline_first": offline_first}

        def exchange() -> tuple[float, _Outputs, dict[int, RemoteValue], list[_Reply]]:
            id, types = self._loaded(program)
            kept = {output: self._value(0) for output in sorted(keep)}
            named = [[output, value.id] for output, value in kept.items()]
            start = time.perf_counter()
            replies = self._all({**header, "program": id, "keep": named}, public)
            return time.perf_counter() - start, types, kept, replies

        seconds, types, kept, replies = self._call(exchange)
        if any("out_of_range" in reply for reply, _ in replies):
            raise RangeError(OUT_OF_RANGE)
        (_, _), (_, from_p1), (_, from_p2) = replies
        parts = zip(from_p1, from_p2, strict=True)
        outputs = [
            kept[n] if n in kept else _core.reconstruct(*next(parts), shape, width)
            for n, (shape, width) in enumerate(types)
        ]
        peak = sum(reply["peak_rss_bytes"] for reply, _ in replies)
        reports = [reply["report"] for reply, _ in replies]
        return outputs, run_report(seconds, reports, offline_first=offline_first, peak_rss_bytes=peak)

    def close(self) -> None:
        """Ends the session; a call that another thread is in fails."""
        if os.getpid() == self._process:
            self._end("the session is closed")
            with self._lock:
                for connection in self._connections:
                    connection.close()

    def _call(self, exchange: Callable[[], _T]) -> _T:
        """Runs a series of exchanges that belong together. If it does not come to its end, the session ends."""
        if os.getpid() != self._process:
            raise RuntimeFailure(f"the session belongs to process {self._process}; open another one after a fork")
        with self._lock:
            # Seen only where an interrupt kept the handler below from its work.
            if self._in_call:
                self._end(_INTERRUPTED)
            if self._ended:
                raise RuntimeFailure(f"{self._ended}; open another session")
            self._in_call = True
            try:
                result = exchange()
                self._in_call = False
                return result
            except BaseException:
                self._end(_INTERRUPTED)
                raise

    def _end(self, reason: str) -> None:
        self._ended = self._ended or reason
        for connection in self._connections:
            wire.hang_up(connection)

    def _open(self) -> None:
        addresses = [reply["address"] for reply, _ in self._all({"command": "listen"})]
        self._all({"command": "open", "session": self._session, "addresses": addresses})

    def _share(self, values: Encoded, width: int) -> Stored:
        stored = self._value(sharing_bytes(values.size, width))
        value = {"id": stored.id, "shape": list(values.shape), "width": width}
        _, (_, [l1]), (_, [l2]) = self._all({"command": "mask", **value})
        masked = _core.mask_input(values, width, l1, l2)
        told = {"command": "masked", **value}
        self._each([(told, []), (told, [masked]), (told, [masked])])
        return stored

    def _value(self, input_bytes: int) -> RemoteValue:
        id, self._next_id = self._next_id, self._next_id + 1
        value = RemoteValue(self._session, id, input_bytes)
        weakref.finalize(value, self._dropped.append, id)
        return value

    def _loaded(self, program: RingProgram) -> tuple[int, _Outputs]:
        known = self._programs.get(program)
        if known is None:
            id, self._next_program = self._next_program, self._next_program + 1
            constants = [np.asarray(c, "<i8", order="C") for c in program.constants]
            header = {"command": "program", "program": id, "shapes": [list(c.shape) for c in constants]}
            self._all(header, [program.engine.encode(), *constants])
            known = self._programs[program] = id, _output_types(program)
            weakref.finalize(program, self._forgotten.append, id)
        return known

    def _all(self, header: dict[str, Any], buffers: Sequence[Any] = ()) -> list[_Reply]:
        return self._each([(header, buffers)] * 3)

    def _each(self, messages: Sequence[_Message]) -> list[_Reply]:
        """Sends every party a command and gathers the replies."""
        self._requests += 1
        housekeeping = {
            "number": self._requests,
            "drop": _drain(self._dropped),
            "forget": _drain(self._forgotten),
        }
        errors: dict[int, str] = {}
        for role, (header, buffers) in enumerate(messages):
            try:
                wire.send(self._connections[role], {**header, **housekeeping}, buffers)
            except OSError:
                errors[role] = self._why_lost(role)
        replies: dict[int, _Reply] = {}
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
                if reply[0].get("number") != self._requests:
                    errors[role] = f"P{role} answered request {reply[0].get('number')} instead of {self._requests}"
                elif "error" in reply[0]:
                    errors[role] = str(reply[0]["error"])
                else:
                    replies[role] = reply
        if errors:
            # Whoever fails tells the others why, and they repeat it: the cause is the shortest account.
            cause = min(errors.values(), key=len)
            self._ended = self._ended or f"the parties have failed before: {cause}"
            raise RuntimeFailure(cause)
        return [replies[role] for role in range(3)]


_Reply = tuple[dict[str, Any], list[bytes]]
_Outputs = list[tuple[list[int], int]]


def _output_types(program: RingProgram) -> _Outputs:
    engine = json.loads(program.engine)
    values = [engine["values"][id] for id in engine["outputs"]]
    return [(value["shape"], 1 if value["kind"] == "bit" else value["width"]) for value in values]


def _drain(queue: deque[Any]) -> list[Any]:
    return [queue.popleft() for _ in range(len(queue))]
