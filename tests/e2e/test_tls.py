"""The parties' channels over TLS, with somebody between P0 and P1 who records what passes."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest

from ditto import _core
from tests.e2e.programs import Builder, fxp

T = TypeVar("T")
TIMEOUT = 60.0
SESSION = bytes(range(100, 116))


class Proxy(threading.Thread):
    """Passes one connection on to `target` and records both directions."""

    def __init__(self, target: int) -> None:
        super().__init__()
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.forth = bytearray()
        self.back = bytearray()

    def run(self) -> None:
        with self._listener:
            client, _ = self._listener.accept()
        with client, socket.create_connection(("127.0.0.1", self._target)) as server:
            back = threading.Thread(target=_copy, args=(server, client, self.back))
            back.start()
            _copy(client, server, self.forth)
            back.join()


def _copy(source: socket.socket, target: socket.socket, record: bytearray) -> None:
    while data := source.recv(1 << 16):
        record += data
        target.sendall(data)
    target.shutdown(socket.SHUT_WR)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    """The three parties' certificates and keys, as PEM; then one of a stranger."""
    return [_certificate(tmp_path_factory.mktemp("certificate"), name) for name in ("P0", "P1", "P2", "stranger")]


def _certificate(folder: Path, name: str) -> tuple[str, str]:
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    request = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    subject = ["-subj", f"/CN={name}", "-days", "1"]
    subprocess.run([*request, *subject, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate.read_text(), key.read_text()


def credentials(certificates: Sequence[tuple[str, str]], role: int) -> _core.Credentials:
    """What `role` opens a session with."""
    peers = {other: certificates[other][0] for other in range(3) if other != role}
    return _core.Credentials(*certificates[role], peers)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(3) as pool:
        yield pool


class Parties:
    """Three parties of this process, P1 of which reaches P0 through a proxy."""

    def __init__(self, pool: ThreadPoolExecutor, given: Sequence[_core.Credentials | None]) -> None:
        self._pool = pool
        self._given = given
        self._listeners = [_core.Listener("127.0.0.1", 0, given[role]) for role in range(3)]
        self.addresses = [("127.0.0.1", listener.port) for listener in self._listeners]
        self.proxy = Proxy(self._listeners[0].port)
        self.proxy.start()

    def open(self, role: int) -> _core.Session:
        addresses = [("127.0.0.1", self.proxy.port), *self.addresses[1:]] if role == 1 else self.addresses
        return _core.Session(role, self._listeners[role], addresses, SESSION, TIMEOUT, self._given[role])

    def begin_open(self, role: int) -> Future[_core.Session]:
        return self._pool.submit(self.open, role)

    def square(self, sessions: list[_core.Session]) -> bytes:
        """Squares some numbers and closes the sessions; gives the program's hash, which the parties have compared.

        Nobody else may hold the sessions.
        """
        b = Builder()
        x = b.input(fxp(32, 8, [4]))
        text = b.text(b.op("square", [x], fxp(24, 8, [4]), shift=8))
        programs = [_core.Program(text, []) for _ in range(3)]
        self._all(lambda role: sessions[role].agree(programs[role]))
        _, l1, l2 = self._all(lambda role: sessions[role].mask(0, [4], 32))
        assert l1 is not None
        assert l2 is not None
        masked = _core.mask_input(np.array([0, 256, -512, 768]), 32, l1, l2)
        for role in (1, 2):
            sessions[role].set_masked(0, [4], 32, masked)
        _, (from_p1, _), (from_p2, _) = self._all(lambda role: sessions[role].run(programs[role], [0], False))
        result = _core.reconstruct(from_p1[0], from_p2[0], [4], 24)
        np.testing.assert_allclose(result, [0, 256, 1024, 2304], atol=1)
        sessions.clear()
        self.proxy.join()
        return programs[0].hash.encode()

    def _all(self, call: Callable[[int], T]) -> list[T]:
        return list(self._pool.map(call, range(3)))


def results(futures: list[Future[T]]) -> list[T]:
    """Their results, which are held nowhere else then."""
    return [futures.pop(0).result() for _ in range(len(futures))]


def content_types(data: bytes) -> Iterator[int]:
    """Those of the TLS records that the bytes consist of."""
    while data:
        assert data[1] == 3
        yield data[0]
        data = data[5 + int.from_bytes(data[3:5], "big") :]


@pytest.mark.parametrize("secured", [False, True])
def test_who_records_what_passes_learns_nothing(
    pool: ThreadPoolExecutor, certificates: Sequence[tuple[str, str]], secured: bool
) -> None:
    parties = Parties(pool, [credentials(certificates, role) if secured else None for role in range(3)])
    opening = [parties.begin_open(role) for role in range(3)]
    program = parties.square(results(opening))
    forth, back = bytes(parties.proxy.forth), bytes(parties.proxy.back)
    for told in (b"DITTO-3P", SESSION, program):
        assert (told in forth) == (told in back) == (not secured)
    if secured:
        # Each side's hello is followed by a change of cipher that means nothing, then by what is encrypted.
        for direction in (forth, back):
            hello, change, *rest = content_types(direction)
            assert (hello, change, set(rest)) == (22, 20, {23})
    else:
        # The halves of the key of P0 and P1 follow the greetings.
        for direction in (forth, back):
            assert int.from_bytes(direction[36:40], "little") == 16


def test_who_shows_another_certificate_keeps_nobody_out(
    pool: ThreadPoolExecutor, certificates: Sequence[tuple[str, str]]
) -> None:
    parties = Parties(pool, [credentials(certificates, role) for role in range(3)])
    opening = [parties.begin_open(role) for role in (0, 1)]
    stranger = _core.Credentials(*certificates[3], {0: certificates[0][0], 1: certificates[1][0]})
    listener = _core.Listener("127.0.0.1", 0, stranger)
    with pytest.raises(_core.ChannelError, match="the TLS alert bad certificate"):
        _core.Session(2, listener, parties.addresses, SESSION, TIMEOUT, stranger)
    opening.append(parties.begin_open(2))
    parties.square(results(opening))


def test_no_error_shows_a_key(certificates: Sequence[tuple[str, str]]) -> None:
    (own, key), (peer, _), *_ = certificates
    secret = key.splitlines()[1]
    attempts: list[tuple[Any, ...]] = [
        (own, key),
        (own, key, {}, {}),
        (own, key, [peer]),
        (own, key, {"1": peer}),
        (own, key, {1: key}),
        (1, key, {}),
        (peer, key, {}),
        (own, key[:-40], {}),
    ]
    for attempt in attempts:
        with pytest.raises((TypeError, ValueError)) as error:
            _core.Credentials(*attempt)
        assert secret not in str(error.value)
    assert secret not in repr(_core.Credentials(own, key, {1: peer}))
