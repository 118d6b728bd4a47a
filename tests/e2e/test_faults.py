"""What goes wrong with nodes, callers and wires: an error on every side in time, and the next call works."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import ssl
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import numpy as np
import pytest

import spu_ditto
from ditto.parties import wire
from ditto.parties import wire_pb2 as pb
from ditto.parties.client import Client
from ditto.parties.config import read_config
from ditto.parties.identity import Identity
from ditto.parties.session import RemoteParties, node_channel
from tests.e2e.nodes import CALLER, connected, file_of, nodes_of, write_configuration
from tests.e2e.programs import Builder, endless, fxp, value_type
from tests.e2e.service import IN_FULL, RIGHTS, SOON, Service, X, failing_soon, long_input, long_run, running_service


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("service")) as service:
        yield service


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


@pytest.mark.parametrize("role", range(3))
@pytest.mark.parametrize("phase", ["publishing", "storing"])
def test_a_node_killed_while_it_publishes(service: Service, role: int, phase: str) -> None:
    """Afterwards there is the old publication or the new one, or it is said that the nodes differ."""
    folder = service.config.parent / f"store-{role}"
    killed = threading.Event()

    def kill() -> None:
        if phase == "publishing":
            time.sleep(1.0)
        else:
            while not list(folder.glob("*.part")):
                time.sleep(0.001)
        os.kill(service.nodes[role].process.pid, signal.SIGKILL)
        killed.set()

    service.publish("double", 2)
    thread = threading.Thread(target=kill)
    thread.start()
    began = time.monotonic()
    with pytest.raises(spu_ditto.RuntimeFailure):
        while time.monotonic() < began + 60:
            service.publish("double", 4)
    assert killed.is_set()
    thread.join()
    service.start_again(role)
    assert not list(folder.glob("*.part"))
    with service.client() as client:
        try:
            found = client.call("double", x=X)
            assert np.allclose(found, 2 * X, atol=1e-3) or np.allclose(found, 4 * X, atol=1e-3)
        except spu_ditto.RuntimeFailure as error:
            assert "different publications" in str(error)
    service.check()
    service.publish("double", 2)
    with service.client() as client:
        np.testing.assert_allclose(client.call("double", x=X), 2 * X, atol=1e-3)
    with connected(service.config) as parties:
        parties.withdraw("double")


@pytest.mark.parametrize("role", range(3))
def test_a_node_that_is_started_again_between_calls(service: Service, role: int) -> None:
    """What is published is there again, and a caller notices nothing."""
    with service.client() as client:
        service.check(client)
        service.start_again(role)
        service.check(client)


def test_a_stopped_node_is_slow_and_not_dead(service: Service) -> None:
    pid = service.nodes[1].process.pid
    with service.client() as client:
        client.call("triple", x=X)
        os.kill(pid, signal.SIGSTOP)
        threading.Timer(3.0, os.kill, (pid, signal.SIGCONT)).start()
        np.testing.assert_allclose(client.call("triple", x=X), 3 * X, atol=1e-3)


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Whose parties wait for two seconds."""
    with running_service(tmp_path_factory.mktemp("hasty"), timeout=2) as service:
        yield service


@pytest.mark.parametrize("role", range(3))
def test_a_node_stopped_for_longer_than_the_others_wait(hasty: Service, role: int) -> None:
    pid = hasty.nodes[role].process.pid
    with connected(hasty.config) as parties:
        value = long_input(parties)
        threading.Timer(1.0, os.kill, (pid, signal.SIGSTOP)).start()
        try:
            # Two seconds, and what they wait for each other's accounts of it.
            with failing_soon("none came within 2000 ms|is lost"):
                parties.run(endless(), [value])
        finally:
            os.kill(pid, signal.SIGCONT)
    hasty.check()


@IN_FULL
@pytest.mark.parametrize("phase", ["opening", "sharing"])
@pytest.mark.parametrize("role", range(3))
def test_a_stopped_node_that_only_its_caller_waits_for(hasty: Service, role: int, phase: str) -> None:
    pid = hasty.nodes[role].process.pid
    with contextlib.ExitStack() as stack:
        parties = stack.enter_context(connected(hasty.config)) if phase == "sharing" else None
        os.kill(pid, signal.SIGSTOP)
        try:
            # As long as it takes to tell slow from dead.
            with failing_soon("is lost", 90):
                if parties is None:
                    parties = stack.enter_context(connected(hasty.config))
                long_input(parties)
        finally:
            os.kill(pid, signal.SIGCONT)
    hasty.check()


def client_hello() -> bytes:
    """How a TLS handshake begins."""
    context = ssl.create_default_context()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname="node-0").do_handshake()
    return outgoing.read()


def test_strangers_cost_nothing(service: Service) -> None:
    config = read_config(service.config)
    with contextlib.ExitStack() as stack, service.client() as client:
        client.call("triple", x=X)
        for _ in range(10):
            for address in (*config.nodes, *config.internal[:2]):
                quiet = stack.enter_context(socket.create_connection(address))
                loud = stack.enter_context(socket.create_connection(address))
                loud.sendall(b"GET / HTTP/1.1\r\n\r\n" + bytes(range(256)) * 8)
                half = stack.enter_context(socket.create_connection(address))
                half.sendall(client_hello())
                cut = stack.enter_context(socket.create_connection(address))
                cut.sendall(client_hello()[:20])
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
        from tests.e2e.service import long_run

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


def test_eight_callers_at_once_get_their_own_answers(service: Service) -> None:
    def calls(n: int) -> None:
        with service.client() as client:
            for k in range(5):
                x = np.float32(100 * n + 10 * k) + X
                service.check(client, x)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(calls, range(8)))


def test_garbage_of_a_caller_who_is_known(service: Service) -> None:
    """Bytes that are no message, messages that are too long, and what stops in the middle."""
    config, identity = read_config(service.config), Identity.load(service.config.parent / CALLER)
    listen = pb.Message(request=pb.Request(number=1, listen=pb.Listen())).SerializeToString()
    load = pb.Message(request=pb.Request(number=1, load=pb.Load(), buffers=[1 << 20])).SerializeToString()
    for messages in (
        [b"\xff" * 100],
        [bytes(1 << 26)],
        [listen[:-1]],
        [listen, b"\xff"],
        [load],
        [load, load],
        [pb.Message(reply=pb.Reply()).SerializeToString()],
        [b""],
    ):
        for role in range(3):
            with node_channel(config.nodes[role], config.certificates[config.names[role]], identity) as channel:
                converse = channel.stream_stream(wire.CONVERSE, bytes, bytes)
                with pytest.raises(grpc.RpcError) as error:
                    list(converse(iter(messages), timeout=SOON))
                assert error.value.code() != grpc.StatusCode.DEADLINE_EXCEEDED
    assert service.all_alive()
    service.check()


def test_a_session_is_its_callers_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who knows the name of somebody else's session, and the numbers of values in it, has another session by it."""
    b = Builder()
    x = b.input(fxp(32, 8, [4]))
    program = b.program(b.op("neg", [x], fxp(32, 8, [4])))
    with running_service(tmp_path, {CALLER: ["compute", "publish", "call"], "thief": ["compute"]}) as service:
        with connected(service.config) as parties:
            value = parties.put(np.arange(4), value_type(b.values[0]))
            with monkeypatch.context() as patch:
                patch.setattr(secrets, "token_bytes", lambda size: parties._session)
                thief = spu_ditto.connect(service.config, identity=tmp_path / "thief")
                with thief as others, failing_soon("does not hold value 0"):
                    assert others._session == parties._session
                    others.run(program, [value])
            assert parties.run(program, [value])[0][0].tolist() == [0, -1, -2, -3]


@pytest.mark.skipif(not Path("/proc/net/if_inet6").exists(), reason="this machine has no IPv6")
def test_nodes_with_ipv6_addresses(tmp_path: Path) -> None:
    with running_service(tmp_path, host="[::1]") as service:
        service.check()


@pytest.mark.parametrize("who", [CALLER, "node:1"])
@pytest.mark.parametrize("days", [0, -1])
def test_certificates_end(tmp_path: Path, days: int, who: str) -> None:
    config = write_configuration(tmp_path, RIGHTS)
    # Valid from yesterday on; the end is now, or was yesterday.
    Identity.make(who, days).save(tmp_path / file_of(who))
    with nodes_of(config), failing_soon("is lost"), connected(config):
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
    for where in ("callers", "parties"):
        config = write_configuration(tmp_path / where, RIGHTS)
        data = json.loads(config.read_text())
        if where == "callers":
            data["nodes"]["node:0"] = "no-such-host.invalid:61920"
        else:
            data["devices"]["SPU"]["config"]["spu_internal_addrs"][0] = "no-such-host.invalid:61930"
        config.write_text(json.dumps(data))
        assert "no-such-host.invalid" in output(config)
        with failing_soon("is lost", 40), connected(config):
            pass
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
