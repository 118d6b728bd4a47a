"""A node as a child process, and the configuration of three that somebody starts for a session of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ditto
from ditto.errors import RuntimeFailure
from ditto.parties.config import TIMEOUT, Address, shown

_STDERR_TAIL = 2000

NODES = ("node-0", "node-1", "node-2")


def own_configuration(
    hosts: Sequence[str],
    rights: Mapping[str, Sequence[str]],
    *,
    timeout: float = TIMEOUT,
    threads: int | None = None,
) -> dict[str, Any]:
    """Three nodes that take free ports and say which; the certificates lie beside the file.

    Args:
        hosts: one for each node.
        rights: of callers, by name.
        timeout, threads: of a party, as in `ditto.parties.config`.
    """
    free = [shown((host, 0)) for host in hosts]
    spu = {
        "node_ids": list(NODES),
        "spu_internal_addrs": free,
        "runtime_config": {"timeout_seconds": timeout, **({} if threads is None else {"threads": threads})},
    }
    return {
        "nodes": dict(zip(NODES, free, strict=True)),
        "devices": {"SPU": {"kind": "SPU", "config": spu}},
        "ditto": {
            "certificates": {name: f"{name}.pem" for name in (*NODES, *rights)},
            "rights": {name: list(of_one) for name, of_one in rights.items()},
        },
    }


def own_environment() -> dict[str, str]:
    """This process's environment for another one that has this package, wherever it was found."""
    roots = [str(Path(path).parent) for path in ditto.__path__]
    paths = [*roots, os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths).rstrip(os.pathsep)}


class NodeProcess:
    """A party's process; ends with the `with` block, or when this process dies.

    Args:
        config: the configuration file; the node's certificate and key lie where it says.
        options: more of `python -m ditto.parties.node`.
    """

    def __init__(self, role: int, config: Path, options: Sequence[str] = ()) -> None:
        self.role = role
        self._stderr = (config.parent / f"p{role}.stderr").open("w+b")
        command = [sys.executable, "-m", "ditto.parties.node", "--until-stdin-closes", *options]
        self.process = subprocess.Popen(
            [*command, "--log-level", "warning", "--config", str(config), "--party", str(role)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=own_environment(),
            # A Ctrl-C at the terminal is for the caller; this process learns from it what it means.
            start_new_session=True,
        )

    def __enter__(self) -> NodeProcess:
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
        """Where the party listens for its callers, once it does.

        Raises:
            RuntimeFailure: it has ended instead; with what it said.
        """
        assert self.process.stdout is not None
        line = self.process.stdout.readline().decode()
        if not line:
            raise RuntimeFailure(self.obituary("it did not start"))
        host, _, port = line.split()[-1].rpartition(":")
        return host.strip("[]"), int(port)

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
