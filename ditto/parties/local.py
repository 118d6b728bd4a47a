"""Three local processes: nodes as on three machines, with certificates of their own, on the loopback interface."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import ditto
from ditto.errors import RuntimeFailure
from ditto.parties.accounting import threads_of_a_local_party
from ditto.parties.config import TIMEOUT, Address, Config, read_config
from ditto.parties.identity import Identity
from ditto.parties.runtime import use_runtime
from ditto.parties.session import RemoteParties
from ditto.policy.link import Link, get_link

_STDERR_TAIL = 2000
_CALLER = "caller"


@contextlib.contextmanager
def processes(
    *, timeout: float = TIMEOUT, check_ranges: bool = False, network: str | Link | None = None
) -> Iterator[RemoteParties]:
    """Sends secure calls inside the `with` block to three processes on this machine, and ends them after it.

    A call that is interrupted (Ctrl-C) ends the session: later calls raise RuntimeFailure; open another block.

    Args:
        timeout: the longest wait of a party for a message of another, in seconds.
        check_ranges: debug mode, as in `Runtime`.
        network: what lies between the parties: "LAN", "WAN", "400mbit,40ms" or a `Link`; this machine's loopback if it
            is None. Messages then arrive as late as they would there; those of the caller do not.

    Raises:
        RuntimeFailure: a process did not start, or a party failed in a call.
        UnsupportedError: there is no such network.
    """
    link = None if network is None else get_link(network)
    owner = os.getpid()
    with contextlib.ExitStack() as cleanup:
        config, identity, nodes = _started(cleanup, timeout, link)
        parties = RemoteParties(
            config, identity, lambda role, said: nodes[role].obituary(said), check_ranges=check_ranges
        )
        cleanup.callback(parties.close)
        try:
            with use_runtime(parties):
                yield parties
        finally:
            # A forked process that leaves the block must not end what its parent still uses.
            if os.getpid() != owner:
                cleanup.pop_all()


@contextlib.contextmanager
def service() -> Iterator[tuple[Config, Identity]]:
    """Three processes on this machine, and somebody who may do everything with them: to try publications.

    They keep nothing, and end with the `with` block.

    Raises:
        RuntimeFailure: a process did not start.
    """
    with contextlib.ExitStack() as cleanup:
        config, identity, _ = _started(cleanup, TIMEOUT, None)
        yield config, identity


def _started(cleanup: contextlib.ExitStack, timeout: float, link: Link | None) -> tuple[Config, Identity, list[_Node]]:
    folder = Path(tempfile.mkdtemp(prefix="spu-ditto-"))
    cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "3pc.json"
    path.write_text(json.dumps(_local_config(timeout)))
    identities = {name: Identity.make(name) for name in (*_NAMES, _CALLER)}
    for name, identity in identities.items():
        identity.save(folder / name)
    nodes = [cleanup.enter_context(_Node(role, path, link)) for role in range(3)]
    first, second, third = (node.address() for node in nodes)
    config = dataclasses.replace(read_config(path), nodes=(first, second, third))
    return config, identities[_CALLER], nodes


_NAMES = ("node-0", "node-1", "node-2")


def _local_config(timeout: float) -> dict[str, object]:
    """Port 0: every party takes free ports and says which."""
    spu = {
        "node_ids": list(_NAMES),
        "spu_internal_addrs": ["127.0.0.1:0"] * 3,
        "runtime_config": {"timeout_seconds": timeout, "threads": threads_of_a_local_party()},
    }
    return {
        "nodes": dict.fromkeys(_NAMES, "127.0.0.1:0"),
        "devices": {"SPU": {"kind": "SPU", "config": spu}},
        "ditto": {
            "certificates": {name: f"{name}.pem" for name in (*_NAMES, _CALLER)},
            "rights": {_CALLER: ["compute", "publish", "call"]},
        },
    }


class _Node:
    """A party's process; ends with the `with` block, or when this process dies."""

    def __init__(self, role: int, config: Path, link: Link | None) -> None:
        self.role = role
        self._stderr = (config.parent / f"p{role}.stderr").open("w+b")
        roots = [str(Path(path).parent) for path in ditto.__path__]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([*roots, os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
        }
        command = [sys.executable, "-m", "ditto.parties.node", "--until-stdin-closes", "--plain-on-loopback"]
        if link is not None:
            command += ["--link", str(link.bits_per_second), str(link.one_way_seconds)]
        self.process = subprocess.Popen(
            [*command, "--log-level", "warning", "--config", str(config), "--party", str(role)],
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

    def address(self) -> Address:
        """Where the party listens for its caller, once it does."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline().decode()
        if not line:
            raise RuntimeFailure(self.obituary("it did not start"))
        host, _, port = line.split()[-1].rpartition(":")
        return host, int(port)

    def obituary(self, said: str) -> str:
        """How the process ended, with the last of what it said; or what its connection said, if it lives."""
        try:
            code = self.process.wait(1)
        except subprocess.TimeoutExpired:
            return f"P{self.role} is lost: {said}"
        how = f"was killed by signal {-code}" if code < 0 else f"exited with code {code}"
        self._stderr.flush()
        self._stderr.seek(0)
        tail = self._stderr.read()[-_STDERR_TAIL:].decode(errors="replace").strip()
        return f"P{self.role} {how}" + (f": {tail}" if tail else "")
