"""Three nodes on a Ray cluster, each on a machine of its organisation. Needs the extra `ray`.

Machines declare whose they are, and how many nodes of that party they have room for:

    ray start --address=head.org:6379 --resources='{"party:0": 1}'

Ray finds the places and starts the nodes, which are processes like all others, with keys that are made there and stay
there. Data and shares do not pass through Ray: they take the nodes' own connections. But whoever may submit work to a
Ray cluster may run anything on its machines, and read what is in their memory; where that matters, each organisation
starts its node itself (`spu-ditto node`).
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError
from ray.util.placement_group import placement_group, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from ditto.errors import RuntimeFailure
from ditto.parties.config import TIMEOUT, Address, Config, parse_config
from ditto.parties.identity import Identity
from ditto.parties.node_process import NODES, NodeProcess, own_configuration
from ditto.parties.runtime import use_runtime
from ditto.parties.session import RemoteParties

_CALLER = "caller"
PARTIES = tuple(f"party:{role}" for role in range(3))

# How long to wait for the cluster, for three places, and for a node to begin or to tell how it ended, in seconds.
_REACHED, _PLACED, _STARTED, _TOLD = 10.0, 60.0, 120.0, 5.0
# A local cluster's store of objects: Ray's least, as nothing but addresses and certificates is in it.
_STORE_BYTES = 80_000_000


@contextlib.contextmanager
def ray_cluster(trios: int | None = None) -> Iterator[int]:
    """Connects to the cluster that $RAY_ADDRESS names, or makes one of this machine alone; for the `with` block.

    Args:
        trios: how many are wanted at a time, by default as many as the cluster has room for, one on this machine alone.

    Returns:
        How many it has room for, and at most so many as are wanted.

    Raises:
        RuntimeFailure: there is no such cluster, or no machine of it is a party's.
    """
    address = os.environ.get("RAY_ADDRESS", "local")
    options: dict[str, Any] = {}
    if address == "local":
        # Ray tells its makers of its use otherwise.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        # Who asks for something there has to know a token, which Ray would put into the home directory.
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex())
        room = dict.fromkeys(PARTIES, trios or 1)
        options = {"resources": room, "object_store_memory": _STORE_BYTES, "include_dashboard": False}
    try:
        _reach(address)
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **options)
    except (OSError, RayError) as error:
        raise RuntimeFailure(f"the Ray cluster at {address} cannot be reached: {error}") from error
    try:
        yield min(_room(), trios or _room())
    finally:
        ray.shutdown()


def _reach(address: str) -> None:
    """Raises OSError if nobody listens there: Ray itself tries for many minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), _REACHED).close()


def _room() -> int:
    """How many trios the cluster has room for at a time. Raises RuntimeFailure if it has none."""
    found = ray.cluster_resources()
    if missing := [party for party in PARTIES if found.get(party, 0) < 1]:
        raise RuntimeFailure(
            f"no machine of the Ray cluster declares {', '.join(missing)}: start Ray there with "
            f"--resources='{json.dumps({missing[0]: 1})}'"
        )
    return int(min(found[party] for party in PARTIES))


@contextlib.contextmanager
def on_ray(*, timeout: float = TIMEOUT, check_ranges: bool = False) -> Iterator[RemoteParties]:
    """Sends secure calls inside the `with` block to three nodes on the Ray cluster that this process is connected to.

    Nodes are on machines that declare "party:0", "party:1" and "party:2"; they get certificates for this block alone,
    and end with it. This process is the caller: weights and inputs leave it as shares.

    Args:
        timeout: the longest wait of a party for a message of another, in seconds.
        check_ranges: debug mode, as in `Runtime`.

    Raises:
        RuntimeFailure: the cluster has no place for a node, a node did not start, or a party failed in a call.
    """
    identity = Identity.make(_CALLER)
    with contextlib.ExitStack() as cleanup:
        # All three places or none: two trios that wait for each other's would wait forever.
        group = placement_group([{party: 1} for party in PARTIES])
        cleanup.callback(remove_placement_group, group)
        try:
            if not group.wait(_PLACED):
                raise RuntimeFailure(f"the Ray cluster had no free {', '.join(PARTIES)} within {_PLACED:.0f} s")
            nodes: list[Any] = []
            for role, party in enumerate(PARTIES):
                strategy = PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=role)
                options = {"num_cpus": 0, "resources": {party: 1}, "scheduling_strategy": strategy}
                nodes.append(ray.remote(_PlacedNode).options(**options).remote(role))
                cleanup.callback(_end, nodes[-1])
            told = ray.get([node.introduce.remote() for node in nodes], timeout=_STARTED)
            certificates = {**dict(zip(NODES, (certificate for _, certificate in told))), _CALLER: identity.certificate}
            data = own_configuration([host for host, _ in told], {_CALLER: ["compute"]}, timeout=timeout)
            started = [node.start.remote(data, certificates) for node in nodes]
            first, second, third = ray.get(started, timeout=_STARTED)
        except RayError as error:
            reason = error.cause if isinstance(error, RayTaskError) else error
            raise RuntimeFailure(f"a node on the Ray cluster did not start: {reason}") from error

        def why_lost(role: int, said: str) -> str:
            try:
                return str(ray.get(nodes[role].obituary.remote(said), timeout=_TOLD))
            except RayError:
                return f"P{role} at {told[role][0]} is lost, and Ray's worker there too: {said}"

        config = dataclasses.replace(_parsed(data, certificates), nodes=(first, second, third))
        parties = RemoteParties(config, identity, why_lost, check_ranges=check_ranges)
        cleanup.callback(parties.close)
        with use_runtime(parties):
            yield parties


def _end(node: Any) -> None:
    """Whatever has become of it."""
    with contextlib.suppress(RayError):
        ray.get(node.stop.remote(), timeout=_TOLD)
    ray.kill(node)


def _parsed(data: dict[str, Any], certificates: dict[str, str]) -> Config:
    with tempfile.TemporaryDirectory(prefix="spu-ditto-") as folder:
        _write_certificates(Path(folder), certificates)
        return parse_config(data, "the configuration", Path(folder))


def _write_certificates(folder: Path, certificates: dict[str, str]) -> None:
    for name, certificate in certificates.items():
        (folder / f"{name}.pem").write_text(certificate)


class _PlacedNode:
    """Ray's actor where a node is to be: owns its key and its process, which ends when this one does."""

    def __init__(self, role: int) -> None:
        self._role = role
        self._folder = Path(tempfile.mkdtemp(prefix="spu-ditto-"))
        self._process = contextlib.ExitStack()
        Identity.make(NODES[role]).save(self._folder / NODES[role])

    def introduce(self) -> tuple[str, str]:
        """This machine's address, and the certificate of its node."""
        return ray.util.get_node_ip_address(), (self._folder / f"{NODES[self._role]}.pem").read_text()

    def start(self, data: dict[str, Any], certificates: dict[str, str]) -> Address:
        """Starts the node; where it listens for its caller."""
        _write_certificates(self._folder, certificates)
        data["devices"]["SPU"]["config"]["runtime_config"]["threads"] = _threads()
        config = self._folder / "3pc.json"
        config.write_text(json.dumps(data))
        self._node = self._process.enter_context(NodeProcess(self._role, config))
        address = self._node.address()
        # The node has read it, and whoever kills this process leaves no key behind.
        (self._folder / f"{NODES[self._role]}.key").unlink()
        return address

    def obituary(self, said: str) -> str:
        """How the node ended."""
        return self._node.obituary(said)

    def stop(self) -> None:
        """Ends the node, and leaves nothing of it."""
        self._process.close()
        shutil.rmtree(self._folder)


def _threads() -> int:
    """A node's part of this machine's cores, which are shared by all nodes that it declares room for."""
    here = ray.get_runtime_context().get_node_id()
    [resources] = [node["Resources"] for node in ray.nodes() if node["NodeID"] == here]
    nodes = sum(int(resources.get(party, 0)) for party in PARTIES)
    return max(1, len(os.sched_getaffinity(0)) // max(1, nodes))
