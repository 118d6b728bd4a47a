"""Three parties started by hand, as on three machines."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import ditto
import spu_ditto
from ditto.parties.identity import Identity
from ditto.parties.session import RemoteParties

NODES = ("node:0", "node:1", "node:2")
CALLER = "caller"


def configuration(
    ports: list[int],
    rights: Mapping[str, Sequence[str]] | None = None,
    *,
    timeout: float = 20,
    host: str = "127.0.0.1",
) -> dict[str, Any]:
    """Three ports for callers, then three for the parties; certificates beside the file."""
    addresses = [f"{host}:{port}" for port in ports]
    spu = {
        "node_ids": list(NODES),
        "spu_internal_addrs": addresses[3:],
        "runtime_config": {"timeoutSeconds": timeout, "threads": 1},
    }
    rights = {CALLER: ["compute"]} if rights is None else rights
    return {
        "nodes": dict(zip(NODES, addresses)),
        "devices": {"SPU": {"kind": "SPU", "config": spu}},
        "ditto": {
            "certificates": {name: f"{file_of(name)}.pem" for name in (*NODES, *rights)},
            "rights": {name: list(of_one) for name, of_one in rights.items()},
        },
    }


def file_of(name: str) -> str:
    """What the files of an identity are called."""
    return name.replace(":", "-")


def write_configuration(
    folder: Path, rights: Mapping[str, Sequence[str]] | None = None, *, timeout: float = 20, host: str = "127.0.0.1"
) -> Path:
    """A configuration file with certificates and keys beside it."""
    data = configuration(free_ports(6), rights, timeout=timeout, host=host)
    for name in data["ditto"]["certificates"]:
        Identity.make(name).save(folder / file_of(name))
    config = folder / "3pc.json"
    config.write_text(json.dumps(data))
    return config


class RunningNode:
    """A node's process."""

    def __init__(self, config: Path, role: int) -> None:
        self.role = role
        self.stderr = (config.parent / f"node-{role}.log").open("ab")
        root = str(Path(next(iter(ditto.__path__))).parent)
        command = [sys.executable, "-m", "ditto.parties.node", "--config", str(config), "--party", str(role)]
        self.process = subprocess.Popen(
            [*command, "--store", str(config.parent / f"store-{role}")],
            stdout=subprocess.PIPE,
            stderr=self.stderr,
            env={**os.environ, "PYTHONPATH": root},
        )

    def wait(self) -> None:
        """Until it listens."""
        assert self.process.stdout is not None
        assert b"listens" in self.process.stdout.readline()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.stderr.close()


def start_node(config: Path, role: int) -> RunningNode:
    """One of them, once it listens; the others may be running."""
    node = RunningNode(config, role)
    node.wait()
    return node


def start_nodes(config: Path) -> list[RunningNode]:
    """The three parties of a configuration file, once they listen."""
    nodes = [RunningNode(config, role) for role in range(3)]
    try:
        for node in nodes:
            node.wait()
    except BaseException:
        kill(nodes)
        raise
    return nodes


def kill(nodes: Iterable[RunningNode]) -> None:
    for node in nodes:
        node.kill()


@contextlib.contextmanager
def nodes_of(config: Path) -> Iterator[list[RunningNode]]:
    """Runs the parties of a configuration file inside the `with` block; at its end those in the list are killed."""
    nodes = start_nodes(config)
    try:
        yield nodes
    finally:
        kill(nodes)


@contextlib.contextmanager
def running_nodes(folder: Path, rights: Mapping[str, Sequence[str]] | None = None) -> Iterator[Path]:
    """Runs the parties inside the `with` block; gives their configuration file."""
    config = write_configuration(folder, rights)
    with nodes_of(config):
        yield config


def connected(config: Path) -> contextlib.AbstractContextManager[RemoteParties]:
    """A session of the caller who may compute."""
    return spu_ditto.connect(config, identity=config.parent / CALLER)


def take_free_ports(config: Path) -> None:
    """Gives the nodes of a configuration file ports of this machine that nobody has."""
    data, ports = json.loads(config.read_text()), iter(free_ports(6))
    data["nodes"] = {name: f"127.0.0.1:{next(ports)}" for name in data["nodes"]}
    data["devices"]["SPU"]["config"]["spu_internal_addrs"] = [f"127.0.0.1:{next(ports)}" for _ in range(3)]
    config.write_text(json.dumps(data))


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]
