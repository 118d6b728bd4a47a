"""Runs one party as a daemon: `python -m ditto.parties.node --config 3pc.json --party N`.

It serves callers whose certificate its configuration names, over mutual TLS 1.2 or 1.3, each in a session of its own;
sessions run at the same time. A caller that leaves, and whatever goes wrong in a session, ends that session and no
other. Nothing secret is logged; what was run for whom, and how many results were revealed, goes to the log
`ditto.audit`.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import logging
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path

import grpc

from ditto import _core
from ditto.errors import DittoError
from ditto.parties import wire
from ditto.parties import wire_pb2 as pb
from ditto.parties.agreement import engine_digest
from ditto.parties.budget import OverBudget
from ditto.parties.commands import Party, Session
from ditto.parties.config import Config, is_loopback, read_config, shown
from ditto.parties.identity import Identity, IdentityError, expiry
from ditto.parties.peak_memory import peak_memory_bytes
from ditto.parties.publication import Store
from ditto.parties.quota import Quota
from ditto.parties.stock import Stock

log = logging.getLogger("ditto.node")

# Sessions at a time, of all callers and of one.
MOST_SESSIONS, MOST_OF_A_CALLER = 64, 16
_SOON = 14 * 86400
_PR_SET_DUMPABLE = 4  # linux/prctl.h
STOPS = (signal.SIGTERM, signal.SIGINT)


class Node:
    """A party that serves callers until it is stopped."""

    def __init__(
        self,
        role: int,
        config: Config,
        identity: Identity,
        store: Store,
        stock: Stock,
        quota: Quota,
        *,
        plain: bool = False,
        link: tuple[float, float] | None = None,
    ) -> None:
        name = config.names[role]
        if config.name_of(identity.certificate) != name:
            raise IdentityError(f"the certificate of this node is not the one that the configuration has of {name}")
        _keep_memory_private()
        peers = {n: config.certificates[who] for n, who in enumerate(config.names) if n != role}
        credentials = None if plain else _core.Credentials(identity.certificate, identity.key, peers)
        listener = _core.Listener(*config.bind[role][1], credentials)
        self._party = Party(role, config, listener, credentials, store, stock, quota, link)
        self._sessions: dict[Session, tuple[str, float]] = {}
        # A node that has its parties on this machine alone ends with its caller, who may well think for an hour.
        self._idle = None if plain else wire.IDLE_SECONDS
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._server = grpc.server(
            futures.ThreadPoolExecutor(MOST_SESSIONS + 8, thread_name_prefix="session"),
            options=wire.SERVER_OPTIONS,
            maximum_concurrent_rpcs=MOST_SESSIONS + 8,
        )
        handlers = {
            "Describe": grpc.unary_unary_rpc_method_handler(
                self._describe, pb.Nothing.FromString, pb.Description.SerializeToString
            ),
            "Converse": grpc.stream_stream_rpc_method_handler(
                self._converse, pb.Message.FromString, pb.Message.SerializeToString
            ),
        }
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(wire.SERVICE, handlers),))
        callers = "".join(config.certificates.values()).encode()
        secure = grpc.ssl_server_credentials(
            [(identity.key.encode(), identity.certificate.encode())],
            root_certificates=callers,
            require_client_auth=True,
        )
        address = config.bind[role][0]
        try:
            port = self._server.add_secure_port(shown(address), secure)
        except RuntimeError as error:
            raise DittoError(
                f"P{role} cannot listen at {shown(address)}: {error}; is the port free, and the address this machine's?"
            ) from error
        self.address = (address[0], port)

    def start(self) -> None:
        """Serves from now on."""
        self._server.start()
        if self._idle is not None:
            threading.Thread(target=self._end_idle, args=(self._idle,), daemon=True).start()

    def stop(self) -> None:
        """Ends all sessions."""
        self._stopped.set()
        for session in list(self._sessions):
            session.abort(f"{self._party.name} was stopped")
        self._server.stop(1).wait()

    def _end_idle(self, most: float) -> None:
        while not self._stopped.wait(most / 60):
            for session in list(self._sessions):
                if session.idle() > most:
                    log.info("ends a session", extra={"caller": session.caller, "reason": "idle"})
                    session.leave()

    # ------------------------------------------------------------------------------------------------ calls

    def _caller(self, context: grpc.ServicerContext) -> str:
        """Who calls. A certificate that is not pinned itself gives no right, whoever has signed it."""
        certificates = context.auth_context().get("x509_pem_cert", ())
        name = self._party.config.name_of(certificates[0]) if certificates else None
        if name is not None and self._party.config.rights.get(name):
            return name
        reason = "unknown certificate" if name is None else f"{name} has no rights"
        log.warning("turned a caller away", extra={"address": context.peer(), "reason": reason})
        context.abort(grpc.StatusCode.UNAUTHENTICATED, f"{self._party.name} turns this caller away: {reason}")
        raise AssertionError("abort raises")

    def _describe(self, request: pb.Nothing, context: grpc.ServicerContext) -> pb.Description:
        caller = self._caller(context)
        config, store = self._party.config, self._party.store
        rights = config.rights.get(caller, frozenset())
        told = pb.Description(
            party=self._party.role,
            version=wire.version(),
            engine=engine_digest(),
            agreement=config.agreement(),
            time=time.time(),
            memory_bytes=peak_memory_bytes(),
            caller=caller,
        )
        for name in store.names():
            with contextlib.suppress(DittoError):
                publication = store.get(name)
                if publication.may_use(caller, rights):
                    calls = self._party.calls.get(name, 0) if publication.owner == caller else 0
                    stock = self._party.stock.counts(publication.digest, len(publication.told.programs))
                    told.publications.add(
                        name=name, owner=publication.owner, digest=publication.digest, calls=calls, stock=stock
                    )
        for session, (who, since) in list(self._sessions.items()):
            if who == caller:
                told.sessions.add(caller=who, doing=session.doing, seconds=time.monotonic() - since)
        return told

    def _converse(self, requests: Iterator[pb.Message], context: grpc.ServicerContext) -> Iterator[pb.Message]:
        caller = self._caller(context)
        session = Session(self._party, caller, context.cancel)
        with self._lock:
            own = sum(who == caller for who, _ in self._sessions.values())
            if len(self._sessions) >= MOST_SESSIONS or own >= MOST_OF_A_CALLER:
                context.abort(
                    grpc.StatusCode.RESOURCE_EXHAUSTED, f"{self._party.name} has too many sessions; try later"
                )
            self._sessions[session] = caller, time.monotonic()
        log.info("opened a session", extra={"caller": caller, "address": context.peer()})
        context.add_callback(lambda: session.abort("the caller has left"))
        try:
            for request, buffers in wire.received(requests, "request", session.expect):
                yield from wire.messages(*session.handle(request, buffers))
        except (wire.MalformedMessage, OverBudget) as error:
            malformed = isinstance(error, wire.MalformedMessage)
            code = grpc.StatusCode.INVALID_ARGUMENT if malformed else grpc.StatusCode.RESOURCE_EXHAUSTED
            log.warning("ended a session", extra={"caller": caller, "reason": str(error)})
            context.abort(code, f"{self._party.name} {error}")
        finally:
            with self._lock:
                self._sessions.pop(session, None)
            session.close()
            log.info("a session has ended", extra={"caller": caller})


def _keep_memory_private() -> None:
    """No dump of a core, which would hold shares; nor does another process of this user get at the memory."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # The limit does not hold where the kernel hands dumps to a program.
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise DittoError(f"the memory of this node cannot be kept out of core dumps: {os.strerror(ctypes.get_errno())}")


class JsonLines(logging.Formatter):
    """A log line as JSON."""

    _KNOWN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}

    def format(self, record: logging.LogRecord) -> str:
        more = {name: value for name, value in record.__dict__.items() if name not in self._KNOWN}
        line = {"time": round(record.created, 3), "level": record.levelname, "log": record.name}
        return json.dumps({**line, "message": record.getMessage(), **more}, default=str)


class Lines(JsonLines):
    """A log line for people."""

    def format(self, record: logging.LogRecord) -> str:
        more = {name: value for name, value in record.__dict__.items() if name not in self._KNOWN}
        said = ", ".join(f"{name} {value}" for name, value in more.items())
        stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.created))
        return f"{stamp} {record.levelname.lower()}: {record.getMessage()}{said and f': {said}'}"


def run(
    role: int,
    config: Config,
    identity: Identity,
    folder: Path | None,
    key: bytes | None,
    *,
    plain: bool = False,
    link: tuple[float, float] | None = None,
) -> None:
    """Serves until a signal says to stop, or the parent process is gone."""
    for interface, (host, port) in zip(("callers", "parties"), config.bind[role], strict=True):
        if plain and not is_loopback((host, port)):
            raise DittoError(
                f"without TLS among parties, a node listens on this machine alone, not at {host} for {interface}"
            )
    # In every thread that is started from here on: they are waited for below.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    node = Node(role, config, identity, Store(folder, key), Stock(folder, key), Quota(folder), plain=plain, link=link)
    remaining = (expiry(identity.certificate).timestamp() - time.time()) / 86400
    if remaining * 86400 < _SOON:
        log.warning("this node's certificate ends soon", extra={"days": round(remaining, 1)})
    node.start()
    print(f"P{role} listens at {shown(node.address)}", flush=True)
    signal.sigwait(STOPS)
    node.stop()


def _exit_with_parent() -> None:
    while os.read(0, 1024):
        pass
    os._exit(0)


def start_logging(level: str, as_json: bool) -> None:
    """Logs to stderr. What cannot be written, on a full disk say, is lost, and nothing else."""
    logging.raiseExceptions = False
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if as_json else Lines())
    logging.getLogger("ditto").addHandler(handler)
    logging.getLogger("ditto").setLevel(level.upper())


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m ditto.parties.node", description="Runs one of the three parties.")
    parser.add_argument("--config", required=True, help="JSON in the form of SPU's examples, with certificates")
    parser.add_argument("--party", required=True, type=int, choices=(0, 1, 2))
    parser.add_argument("--identity", help="this node's .pem and .key, without the ending")
    parser.set_defaults(identity=None)
    parser.add_argument("--store", type=Path, help="folder that keeps publications, encrypted")
    parser.add_argument("--log-level", default="info", choices=("debug", "info", "warning", "error"))
    parser.add_argument("--log-json", action="store_true", help="log JSON lines")
    parser.add_argument("--until-stdin-closes", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--plain-on-loopback", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--link", nargs=2, type=float, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    start_logging(given.log_level, given.log_json)
    if given.until_stdin_closes:
        threading.Thread(target=_exit_with_parent, daemon=True).start()
    try:
        config = read_config(given.config)
        stem = given.identity or _own_stem(Path(given.config), config.names[given.party])
        identity = Identity.load(stem)
        key = None if given.store is None else store_key(Path(stem))
        link = given.link and tuple(given.link)
        run(given.party, config, identity, given.store, key, plain=given.plain_on_loopback, link=link)
    except (DittoError, _core.ChannelError) as error:
        parser.exit(1, f"P{given.party}: {error}\n")


def _own_stem(config: Path, name: str) -> Path:
    """Where the identity of a node is by default: where the configuration names its certificate."""
    path: str = json.loads(config.read_text())["ditto"]["certificates"][name]
    return (config.parent / path).with_suffix("")


def store_key(stem: Path) -> bytes:
    """The key of a node's store: $DITTO_STORE_KEY (hexadecimal), or the file `stem`.store, made at the first use."""
    if text := os.environ.get("DITTO_STORE_KEY"):
        try:
            key = bytes.fromhex(text)
        except ValueError:
            key = b""
        if len(key) != 32:
            raise DittoError("DITTO_STORE_KEY is not 32 bytes in hexadecimal")
        return key
    path = stem.with_name(stem.name + ".store")
    with contextlib.suppress(FileExistsError):
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(os.urandom(32))
    key = path.read_bytes()
    if len(key) != 32:
        raise DittoError(f"{path} is not a key of 32 bytes")
    return key


if __name__ == "__main__":
    main()
