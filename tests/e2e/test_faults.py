"""What goes wrong with nodes, callers and wires: an error on every side in time, and the next call works."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import spu_ditto
from ditto.parties.client import Client
from ditto.parties.config import read_config
from ditto.parties.identity import Identity
from ditto.parties.session import RemoteParties
from tests.e2e.nodes import CALLER, RunningNode, connected, nodes_of, write_configuration
from tests.e2e.programs import Builder, endless, fxp, value_type

RIGHTS = {CALLER: ["compute", "publish", "call"]}
# An error comes long before a time-out does: these are of a minute.
SOON = 15.0
X = np.arange(6, dtype=np.float32)


class Service:
    """Three nodes with a published model."""

    def __init__(self, config: Path, nodes: list[RunningNode]) -> None:
        self.config, self.nodes = config, nodes
        compiled = spu_ditto.compile(lambda w, x: w * x).lower(np.float32(0), X).compile()
        with connected(self.config) as parties:
            spu_ditto.publish(parties, "triple", compiled, {"w": np.float32(3)})

    def start_again(self, role: int) -> None:
        self.nodes[role].kill()
        self.nodes[role] = RunningNode(self.config, role)
        self.nodes[role].wait()

    def client(self) -> Client:
        return Client(self.config, self.config.parent / CALLER)

    def check(self) -> None:
        """A new caller gets its answer."""
        with self.client() as client:
            np.testing.assert_allclose(client.call("triple", x=X), 3 * X, atol=1e-3)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    config = write_configuration(tmp_path_factory.mktemp("service"), RIGHTS)
    with nodes_of(config) as nodes:
        yield Service(config, nodes)


@contextlib.contextmanager
def failing_soon() -> Iterator[None]:
    began = time.monotonic()
    with pytest.raises(spu_ditto.RuntimeFailure):
        yield
    assert time.monotonic() - began < SOON


def long_run(parties: RemoteParties) -> None:
    n = 1000
    value = parties.put(np.zeros((1, n, n), np.int64), value_type(fxp(32, 8, [1, n, n])))
    parties.run(endless(), [value])


def sharing(parties: RemoteParties) -> None:
    for _ in range(10_000):
        parties.put(np.zeros(100_000, np.int64), value_type(fxp(32, 8, [100_000])))


def opening_and_calling(config: Path) -> Callable[[RemoteParties], None]:
    def use(_: RemoteParties) -> None:
        for _ in range(10_000):
            with Client(config, config.parent / CALLER) as client:
                client.call("triple", x=X)

    return use


@pytest.mark.parametrize("role", range(3))
@pytest.mark.parametrize("phase", ["running", "sharing", "opening"])
def test_a_killed_node(service: Service, role: int, phase: str) -> None:
    use = {"running": long_run, "sharing": sharing, "opening": opening_and_calling(service.config)}[phase]
    with connected(service.config) as parties:
        timer = threading.Timer(1.0, os.kill, (service.nodes[role].process.pid, signal.SIGKILL))
        timer.start()
        with failing_soon():
            use(parties)
        timer.join()
    service.start_again(role)
    service.check()


def test_a_stopped_node_is_slow_and_not_dead(service: Service) -> None:
    pid = service.nodes[1].process.pid
    with service.client() as client:
        client.call("triple", x=X)
        os.kill(pid, signal.SIGSTOP)
        threading.Timer(3.0, os.kill, (pid, signal.SIGCONT)).start()
        np.testing.assert_allclose(client.call("triple", x=X), 3 * X, atol=1e-3)


def test_strangers_cost_nothing(service: Service) -> None:
    config = read_config(service.config)
    with contextlib.ExitStack() as stack, service.client() as client:
        client.call("triple", x=X)
        for _ in range(10):
            for address in (*config.nodes, *config.internal[:2]):
                quiet = stack.enter_context(socket.create_connection(address))
                loud = stack.enter_context(socket.create_connection(address))
                loud.sendall(b"GET / HTTP/1.1\r\n\r\n" + bytes(range(256)) * 8)
                del quiet
        np.testing.assert_allclose(client.call("triple", x=X), 3 * X, atol=1e-3)
        service.check()
    for node in service.nodes:
        assert node.process.poll() is None


def test_a_caller_that_is_killed_leaves_the_nodes_to_others(service: Service) -> None:
    script = f"""
        import numpy as np
        from pathlib import Path
        from tests.e2e.nodes import connected
        from tests.e2e.test_faults import long_run

        with connected(Path({str(service.config)!r})) as parties:
            print("runs", flush=True)
            long_run(parties)
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    caller = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, env=environment)
    assert caller.stdout is not None and caller.stdout.readline() == b"runs\n"
    time.sleep(2)
    caller.kill()
    caller.wait()
    caller.stdout.close()
    service.check()


def test_many_calls_leave_nothing_behind(service: Service) -> None:
    def descriptors() -> list[int]:
        return [len(list(Path(f"/proc/{node.process.pid}/fd").iterdir())) for node in service.nodes]

    with service.client() as client:
        client.call("triple", x=X)
        before = descriptors()
        for _ in range(100):
            client.call("triple", x=X)
        assert max(np.subtract(descriptors(), before)) <= 0
    for _ in range(5):
        service.check()
    deadline = time.monotonic() + 30
    while max(np.subtract(descriptors(), before)) > 0:
        assert time.monotonic() < deadline, (before, descriptors())
        time.sleep(0.2)


@pytest.mark.parametrize("days", [0, -1])
def test_certificates_end(tmp_path: Path, days: int) -> None:
    config = write_configuration(tmp_path, RIGHTS)
    # Valid from yesterday on; the end is now, or was yesterday.
    Identity.make(CALLER, days).save(tmp_path / CALLER)
    with nodes_of(config), pytest.raises(spu_ditto.RuntimeFailure, match="is lost"), connected(config):
        pass


def test_ports_in_use_and_wrong_keys_are_said(service: Service, tmp_path: Path) -> None:
    def output(config: Path, *arguments: str) -> str:
        command = [sys.executable, "-m", "ditto.parties.node", "--config", str(config), "--party", "0", *arguments]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
        assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
        return done.stderr

    assert "choose a free port" in output(service.config)
    assert "is not the one that the configuration has of node:0" in output(
        service.config, "--identity", str(service.config.parent / "node-1")
    )
    (tmp_path / "3pc.json").write_text("{")
    assert "3pc.json" in output(tmp_path / "3pc.json")


def test_a_publication_that_cannot_be_stored_takes_nobodys_place(service: Service) -> None:
    compiled = spu_ditto.compile(lambda w, x: w * x).lower(np.float32(0), X).compile()
    # Only P1 cannot store it.
    folder = service.config.parent / "store-1"
    folder.rename(folder.with_suffix(".away"))
    try:
        for name in ("triple", "other"):
            with connected(service.config) as parties, failing_soon():
                spu_ditto.publish(parties, name, compiled, {"w": np.float32(5)})
    finally:
        folder.with_suffix(".away").rename(folder)
    service.check()
    for role in range(3):
        service.start_again(role)
    service.check()
    with service.client() as client:
        assert [model.name for model in client.models()] == ["triple"]
    assert not list(service.config.parent.glob("store-*/*.part"))


def test_a_program_that_makes_no_sense_ends_nobody(service: Service) -> None:
    b = Builder()
    x = b.input(fxp(45, 18, [4]))
    program = b.program(b.op("tanh", [x], fxp(45, 18, [4]), bits=12))
    with connected(service.config) as parties, failing_soon():
        parties.run(program, [parties.put(np.zeros(4, np.int64), value_type(fxp(45, 18, [4])))])
    assert all(node.process.poll() is None for node in service.nodes)
    service.check()
