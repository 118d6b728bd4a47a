"""Three local processes: nodes as on three machines, with certificates of their own, on the loopback interface."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ditto.parties.accounting import threads_of_a_local_party
from ditto.parties.config import TIMEOUT, Config, read_config
from ditto.parties.identity import Identity
from ditto.parties.node_process import NODES, NodeProcess, own_configuration
from ditto.parties.runtime import use_runtime
from ditto.parties.session import RemoteParties
from ditto.policy.link import Link, get_link

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
    options = ["--plain-on-loopback"]
    if network is not None:
        link = get_link(network)
        options += ["--link", str(link.bits_per_second), str(link.one_way_seconds)]
    owner = os.getpid()
    with contextlib.ExitStack() as cleanup:
        config, identities, nodes = start_nodes(cleanup, {_CALLER: ["compute"]}, timeout=timeout, options=options)
        identity = identities[_CALLER]
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
        rights = {_CALLER: ["compute", "publish", "call"]}
        config, identities, _ = start_nodes(cleanup, rights, options=["--plain-on-loopback"])
        yield config, identities[_CALLER]


def start_nodes(
    cleanup: contextlib.ExitStack,
    rights: Mapping[str, Sequence[str]],
    *,
    timeout: float = TIMEOUT,
    options: Sequence[str] = (),
) -> tuple[Config, dict[str, Identity], list[NodeProcess]]:
    """Starts three nodes on this machine, which `cleanup` ends.

    Args:
        rights: of callers, by name.
        timeout: of a party, as in `processes`.
        options: more of `python -m ditto.parties.node`.

    Returns:
        The configuration with their addresses, the identities of nodes and callers by name, and the nodes.

    Raises:
        RuntimeFailure: one did not start.
    """
    folder = Path(tempfile.mkdtemp(prefix="spu-ditto-"))
    cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "3pc.json"
    threads = threads_of_a_local_party()
    path.write_text(json.dumps(own_configuration(["127.0.0.1"] * 3, rights, timeout=timeout, threads=threads)))
    identities = {name: Identity.make(name) for name in (*NODES, *rights)}
    for name, identity in identities.items():
        identity.save(folder / name)
    nodes = [cleanup.enter_context(NodeProcess(role, path, options)) for role in range(3)]
    first, second, third = (node.address() for node in nodes)
    return dataclasses.replace(read_config(path), nodes=(first, second, third)), identities, nodes
