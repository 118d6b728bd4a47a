"""Whenever Ctrl-C hits a call, no later call gets an answer that is not its own."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import textwrap
import threading
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import spu_ditto
from ditto import _core
from ditto.parties import session as sessions
from ditto.parties import wire
from ditto.parties import wire_pb2 as pb
from ditto.parties.commands import Party, Session
from ditto.parties.config import read_config
from ditto.parties.program import RingProgram
from ditto.parties.publication import Store
from ditto.parties.quota import Quota
from ditto.parties.runtime import Runtime
from ditto.parties.simulator import Simulator
from ditto.parties.stock import Stock
from tests.e2e.nodes import connected, running_nodes, write_configuration
from tests.e2e.programs import Builder, endless, fxp, public, value_type

INTERRUPTED = "interrupted in the middle of a call; open another session"


@pytest.fixture(autouse=True)
def interrupts() -> Iterator[None]:
    """SIGINT raises KeyboardInterrupt, even if whoever started the tests ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with running_nodes(tmp_path_factory.mktemp("nodes")) as config:
        yield config


TYPE = value_type(fxp(32, 8, [4]))


def shift() -> RingProgram:
    """x + p."""
    b = Builder()
    x, p = b.input(fxp(32, 8, [4])), b.input(public([4]))
    return b.program(b.op("add_public", [x, p], fxp(32, 8, [4])))


def check(parties: Runtime, program: RingProgram, seed: int) -> None:
    """A call on inputs of its own gives its own result."""
    x, p = np.random.default_rng(seed).integers(-1000, 1000, (2, 4))
    [result], _ = parties.run(program, [parties.put(x, TYPE), p])
    assert result.tolist() == (x + p).tolist()


class Interrupt:
    """Hits the process at the nth message that it hands to a party or takes from one, once it is armed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = 0
        interrupt = self

        class Counting(queue.SimpleQueue[Any]):
            def put(self, *args: Any, **options: Any) -> None:
                super().put(*args, **options)
                interrupt.count()

            def get(self, *args: Any, **options: Any) -> Any:
                result = super().get(*args, **options)
                interrupt.count()
                return result

        monkeypatch.setattr(sessions, "queue", types.SimpleNamespace(SimpleQueue=Counting, Empty=queue.Empty))

    def count(self) -> None:
        if threading.current_thread() is threading.main_thread():
            self.left -= 1
            if self.left == 0:
                signal.raise_signal(signal.SIGINT)


def test_a_call_interrupted_anywhere_ends_its_session_and_no_other(
    nodes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt = Interrupt(monkeypatch)
    moment = 0
    done = False
    while not done:
        moment += 1
        with connected(nodes) as parties:
            check(parties, shift(), moment)
            program = shift()
            interrupt.left = moment
            with contextlib.suppress(KeyboardInterrupt):
                # Sharing, loading and running; then running what is loaded.
                check(parties, program, moment)
                check(parties, program, moment)
                interrupt.left = 0
                done = True
                continue
            for _ in range(2):
                with pytest.raises(spu_ditto.RuntimeFailure, match=INTERRUPTED):
                    parties.put(np.arange(4), TYPE)
                with pytest.raises(spu_ditto.RuntimeFailure, match=INTERRUPTED):
                    parties.run(program, [np.arange(4)])
    assert moment > 50


def test_opening_a_session_can_be_interrupted_anywhere(nodes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt = Interrupt(monkeypatch)
    program = shift()
    moment = 0
    done = False
    while not done:
        moment += 1
        interrupt.left = moment
        with contextlib.suppress(KeyboardInterrupt), connected(nodes):
            done = True
        interrupt.left = 0
    with connected(nodes) as parties:
        check(parties, program, moment)
    assert moment > 10


def test_any_exception_ends_the_session(nodes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class OutOfMemory:
        def get(self, timeout: float | None) -> Any:
            raise MemoryError

    with connected(nodes) as parties:
        with monkeypatch.context() as patch, pytest.raises(MemoryError):
            patch.setattr(parties, "_arrived", OutOfMemory())
            parties.put(np.arange(4), TYPE)
        with pytest.raises(spu_ditto.RuntimeFailure, match=INTERRUPTED):
            parties.put(np.arange(4), TYPE)


def test_a_reply_to_another_request_is_refused(nodes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    received = wire.received

    def stale(stream: Any, kind: str) -> Iterator[tuple[Any, list[bytes]]]:
        for reply, buffers in received(stream, kind):
            reply.number -= reply.number > 2
            yield reply, buffers

    monkeypatch.setattr(wire, "received", stale)
    with connected(nodes) as parties:
        with pytest.raises(spu_ditto.RuntimeFailure, match=r"P\d answered request 2 instead of 3"):
            parties.put(np.arange(4), TYPE)


def test_a_party_refuses_a_request_out_of_order(tmp_path: Path) -> None:
    config = read_config(write_configuration(tmp_path))
    party = Session(
        Party(0, config, _core.Listener("127.0.0.1", 0), None, Store(None, None), Stock(None, None), Quota(None)),
        "caller",
    )
    assert party.handle(pb.Request(number=1, listen=pb.Listen()), [])[0].port > 0
    for number in (1, 4):
        reply, _ = party.handle(pb.Request(number=number, listen=pb.Listen()), [])
        assert "was to come" in reply.error and reply.number == number


def interrupt_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGINT to the main thread while it waits for the parties of a run."""
    send = sessions._Node.send
    runs: list[bool] = []

    def watched(node: Any, request: pb.Request, buffers: Any) -> None:
        send(node, request, buffers)
        runs.append(request.WhichOneof("command") == "run")
        if sum(runs) == 3:
            main = threading.main_thread().ident
            assert main is not None
            threading.Timer(0.5, signal.pthread_kill, (main, signal.SIGINT)).start()

    monkeypatch.setattr(sessions._Node, "send", watched)


def test_parties_leave_a_long_run_for_the_next_caller(nodes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long, short = endless(), shift()
    with connected(nodes) as parties:
        value = parties.put(np.zeros((1, 1000, 1000), np.int64), value_type(fxp(32, 8, [1, 1000, 1000])))
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            interrupt_run(patch)
            parties.run(long, [value])
        with pytest.raises(spu_ditto.RuntimeFailure, match=INTERRUPTED):
            check(parties, short, 0)
    with connected(nodes) as parties:
        check(parties, short, 1)


def test_a_new_block_works_after_a_long_run_was_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    long, short = endless(), shift()
    with spu_ditto.processes() as parties:
        value = parties.put(np.zeros((1, 1000, 1000), np.int64), value_type(fxp(32, 8, [1, 1000, 1000])))
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            interrupt_run(patch)
            parties.run(long, [value])
        with pytest.raises(spu_ditto.RuntimeFailure, match=INTERRUPTED):
            check(parties, short, 0)
        with spu_ditto.processes() as others:
            check(others, short, 1)
    with spu_ditto.processes() as parties:
        check(parties, short, 2)


def test_a_terminals_interrupt_between_calls_leaves_the_parties_running() -> None:
    script = """
        import os, signal
        import numpy as np
        import spu_ditto
        from tests.e2e.test_interrupts import check, shift

        signal.signal(signal.SIGINT, signal.default_int_handler)
        with spu_ditto.processes() as parties:
            program = shift()
            check(parties, program, 0)
            try:
                os.killpg(0, signal.SIGINT)
            except KeyboardInterrupt:
                check(parties, program, 1)
                print("still there")
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", textwrap.dedent(script)]
    done = subprocess.run(command, env=environment, start_new_session=True, capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("still there\n", 0), done.stderr


def test_the_simulator_leaves_a_long_run_and_goes_on() -> None:
    long, short, parties = endless(), shift(), Simulator()
    value = parties.put(np.zeros((1, 1000, 1000), np.int64), value_type(fxp(32, 8, [1, 1000, 1000])))
    main = threading.main_thread().ident
    assert main is not None
    interrupt = threading.Timer(0.5, signal.pthread_kill, (main, signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        interrupt.start()
        parties.run(long, [value])
    check(parties, short, 0)


class InterruptedEngine:
    """The engine, with SIGINT before or after each of its calls."""

    def __init__(self, engine: Any, before: bool) -> None:
        self._engine = engine
        self._before = before

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def interrupted(*args: Any, **options: Any) -> Any:
            if self._before:
                signal.raise_signal(signal.SIGINT)
            result = getattr(self._engine, name)(*args, **options)
            signal.raise_signal(signal.SIGINT)
            return result

        return interrupted


def test_the_simulator_goes_on_after_an_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    program, parties = shift(), Simulator()
    value = parties.put(np.arange(4), TYPE)
    for seed, before in enumerate((True, False)):
        with monkeypatch.context() as patch:
            patch.setattr(parties, "_engine", InterruptedEngine(parties._engine, before))
            with pytest.raises(KeyboardInterrupt):
                parties.put(np.arange(4), TYPE)
            with pytest.raises(KeyboardInterrupt):
                parties.run(program, [value, np.arange(4)])
        check(parties, program, seed)
