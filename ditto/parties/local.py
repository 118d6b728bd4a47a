"""Three local processes over TCP: nothing is shared between the parties but messages."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client
from pathlib import Path
from typing import Any

import ditto
from ditto.errors import RuntimeFailure
from ditto.parties.accounting import threads_of_a_local_party
from ditto.parties.config import TIMEOUT, parse_config, read_config
from ditto.parties.runtime import use_runtime
from ditto.parties.session import RemoteParties

_STDERR_TAIL = 2000


@contextlib.contextmanager
def processes(*, timeout: float = TIMEOUT, check_ranges: bool = False) -> Iterator[RemoteParties]:
    """Sends secure calls inside the `with` block to three processes on this machine, and ends them after it.

    A call that is interrupted (Ctrl-C) ends the session: later calls raise RuntimeFailure; open another block.

    Args:
        timeout: the longest wait of a party for a message of another, in seconds.
        check_ranges: debug mode, as in `Runtime`.

    Raises:
        RuntimeFailure: a process did not start, or a party failed in a call.
    """
    owner = os.getpid()
    with contextlib.ExitStack() as cleanup:
        folder = Path(tempfile.mkdtemp(prefix="spu-ditto-"))
        cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
        config = folder / "3pc.json"
        config.write_text(json.dumps(_local_config(timeout)))
        authkey = secrets.token_bytes(32)
        nodes = [cleanup.enter_context(_Node(role, config, authkey)) for role in range(3)]
        connections = [cleanup.enter_context(Client(node.address(), authkey=authkey)) for node in nodes]
        parties = RemoteParties(connections, lambda role: nodes[role].obituary(), check_ranges=check_ranges)
        cleanup.callback(parties.close)
        try:
            with use_runtime(parties):
                yield parties
        finally:
            # A forked process that leaves the block must not end what its parent still uses.
            if os.getpid() != owner:
                cleanup.pop_all()


@contextlib.contextmanager
def connect(
    config: str | Path | Mapping[str, Any], *, authkey: bytes | None = None, check_ranges: bool = False
) -> Iterator[RemoteParties]:
    """Sends secure calls inside the `with` block to the three parties of a configuration file.

    A call that is interrupted (Ctrl-C) ends the session: later calls raise RuntimeFailure; open another block.

    Args:
        config: JSON in the form of SPU's examples, a file or what it says; each party runs
            `python -m ditto.parties.node --config FILE --party N`.
        authkey: the key the parties know as DITTO_AUTHKEY; by default this process's DITTO_AUTHKEY (hexadecimal).
        check_ranges: debug mode, as in `Runtime`.

    Raises:
        ConfigError: the file is not what it must be.
        RuntimeFailure: a party cannot be reached, refuses the key, or failed in a call.
    """
    parsed = parse_config(config, "the configuration") if isinstance(config, Mapping) else read_config(config)
    key = bytes.fromhex(os.environ.get("DITTO_AUTHKEY", "")) if authkey is None else authkey
    if not key:
        raise RuntimeFailure("set DITTO_AUTHKEY, or pass authkey: the key that the parties were started with")
    with contextlib.ExitStack() as cleanup:
        connections = []
        for role, address in enumerate(parsed.nodes):
            try:
                connections.append(cleanup.enter_context(Client(address, authkey=key)))
            except (OSError, EOFError, AuthenticationError) as error:
                raise RuntimeFailure(f"P{role} at {address[0]}:{address[1]} cannot be reached: {error}") from error
        parties = RemoteParties(
            connections,
            lambda role: f"P{role} at {parsed.nodes[role]} closed its connection",
            check_ranges=check_ranges,
        )
        cleanup.callback(parties.close)
        cleanup.enter_context(use_runtime(parties))
        yield parties


def _local_config(timeout: float) -> dict[str, object]:
    """Port 0: every party takes free ports and says which."""
    ids = [f"node:{role}" for role in range(3)]
    spu = {
        "node_ids": ids,
        "spu_internal_addrs": ["127.0.0.1:0"] * 3,
        "runtime_config": {"timeout_seconds": timeout, "threads": threads_of_a_local_party()},
    }
    return {"nodes": dict.fromkeys(ids, "127.0.0.1:0"), "devices": {"SPU": {"kind": "SPU", "config": spu}}}


class _Node:
    """A party's process; ends with the `with` block, or when this process dies."""

    def __init__(self, role: int, config: Path, authkey: bytes) -> None:
        self.role = role
        self._stderr = (config.parent / f"p{role}.stderr").open("w+b")
        roots = [str(Path(path).parent) for path in ditto.__path__]
        environment = {
            **os.environ,
            "DITTO_AUTHKEY": authkey.hex(),
            "PYTHONPATH": os.pathsep.join([*roots, os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
        }
        command = [sys.executable, "-m", "ditto.parties.node", "--until-stdin-closes"]
        self.process = subprocess.Popen(
            [*command, "--config", str(config), "--party", str(role)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=environment,
            # A Ctrl-C at the terminal is for the caller; this process learns from it what it means.
            start_new_session=True,
        )

    def __enter__(self) -> _Node:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        # Closing stdin would do, if no forked process held a copy of it.
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self._stderr.close()

    def address(self) -> tuple[str, int]:
        """Where the party listens for its caller, once it does."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline().decode()
        if not line:
            raise RuntimeFailure(self.obituary())
        host, _, port = line.split()[-1].rpartition(":")
        return host, int(port)

    def obituary(self) -> str:
        """How the process ended, with the last of what it said."""
        try:
            code = self.process.wait(1)
            how = f"was killed by signal {-code}" if code < 0 else f"exited with code {code}"
        except subprocess.TimeoutExpired:
            how = "closed its connection"
        self._stderr.flush()
        self._stderr.seek(0)
        tail = self._stderr.read()[-_STDERR_TAIL:].decode(errors="replace").strip()
        return f"P{self.role} {how}" + (f": {tail}" if tail else "")
