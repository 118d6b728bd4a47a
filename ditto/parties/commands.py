"""What a party does for its caller, command by command."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from typing import Any

import numpy as np

from ditto import _core
from ditto.parties.config import Address

Reply = tuple[dict[str, Any], list[Any]]


class NodeParty:
    """One party of one session. Every command is a method: it takes its fields and buffers and gives a reply.

    A caller sends `listen` to all three, `open` with the addresses they gave, then the rest in the same order to all.
    Requests are numbered from 1 on, and a reply has the number of its request.
    """

    def __init__(self, role: int, internal: Address, timeout: float, threads: int | None) -> None:
        self._role = role
        self._internal = internal
        self._timeout = timeout
        self._threads = threads or len(os.sched_getaffinity(0))
        self._listener: _core.Listener | None = None
        self._party: _core.Session | None = None
        self._programs: dict[int, _core.Program] = {}
        self._requests = 0

    def handle(self, header: dict[str, Any], buffers: list[bytes]) -> Reply:
        """Runs the command that a header names. What goes wrong is told in the reply, as its "error"."""
        number = header.get("number")
        self._requests += 1
        try:
            if number != self._requests:
                raise ValueError(f"P{self._role} got request {number} where {self._requests} was to come")
            reply, results = self._command(header, buffers)
        except Exception as error:
            reply, results = {"error": str(error) or type(error).__name__}, []
        return {**reply, "number": number}, results

    def _command(self, header: dict[str, Any], buffers: list[bytes]) -> Reply:
        commands: dict[str, Callable[[dict[str, Any], list[bytes]], Reply]] = {
            "listen": self._listen,
            "open": self._open,
            "program": self._program,
            "mask": self._mask,
            "masked": self._masked,
            "run": self._run,
        }
        command = commands.get(header.get("command", ""))
        if command is None:
            raise ValueError(f"P{self._role} knows no command {header.get('command')!r}")
        for id in header.get("drop", ()):
            self._session().drop(id)
        for program in header.get("forget", ()):
            self._programs.pop(program, None)
        try:
            return command(header, buffers)
        except (KeyError, IndexError) as error:
            raise ValueError(f"the command {header['command']} lacks {error}") from error

    def _session(self) -> _core.Session:
        if self._party is None:
            raise ValueError(f"P{self._role} has no open session")
        return self._party

    def _listen(self, header: dict[str, Any], buffers: list[bytes]) -> Reply:
        host, port = self._internal
        self._listener = _core.Listener(host, port)
        return {"address": [host, self._listener.port]}, []

    def _open(self, header: dict[str, Any], buffers: list[bytes]) -> Reply:
        if self._listener is None:
            raise ValueError(f"P{self._role} does not listen")
        _core.set_threads(self._threads)
        addresses = [(str(host), int(port)) for host, port in header["addresses"]]
        session = bytes.fromhex(header["session"])
        self._party = _core.Session(self._role, self._listener, addresses, session, self._timeout)
        self._listener = None
        return {}, []

    def _program(self, header: dict[str, Any], buffers: list[bytes]) -> Reply:
        shapes = header["shapes"]
        constants = [_integers(data, shape) for data, shape in zip(buffers[1:], shapes, strict=True)]
        program = _core.Program(buffers[0].decode(), constants)
        self._session().agree(program)
        self._programs[header["program"]] = program
        return {}, []

    def _mask(self, header: dict[str, Any], buffers: list[bytes]) -> Reply:
        mask = self._session().mask(header["id"], header["shape"], header["width"])
        return {}, [] if mask is None else [mask]

    def _masked(self, header: dict[str, Any], buffers: list[bytes]) -> Reply:
        # P0 gets the same command without the value.
        if self._role != 0:
            self._session().set_masked(header["id"], header["shape"], header["width"], buffers[0])
        return {}, []

    def _run(self, header: dict[str, Any], buffers: list[bytes]) -> Reply:
        public = iter(buffers)
        inputs = [_integers(next(public), item) if isinstance(item, list) else int(item) for item in header["inputs"]]
        program = self._programs[header["program"]]
        try:
            kept = {int(output): int(id) for output, id in header.get("keep", ())}
            outputs, report = self._session().run(program, inputs, header["offline_first"], kept)
        except _core.RangeViolation:
            return {"out_of_range": True}, []
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        return {"report": report, "peak_rss_bytes": peak}, list(outputs)


def _integers(data: bytes, shape: list[int]) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.frombuffer(data, "<i8").astype(np.int64).reshape(shape)
