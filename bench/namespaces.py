"""Three nodes in the network namespaces of bench/netns.sh, and a session with them. For root on Linux."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import spu_ditto
from ditto.errors import RuntimeFailure
from ditto.parties.accounting import threads_of_a_local_party
from ditto.parties.setup import make_configuration

SCRIPT = Path(__file__).with_name("netns.sh")
ROOT = SCRIPT.parents[1]
# Of party n: among the parties, over the links that are shaped, and from outside.
INSIDE = tuple(f"10.77.0.{n + 1}" for n in range(3))
_OUTSIDE = tuple(f"10.78.{n}.2" for n in range(3))
_OWNER = "owner"


@contextlib.contextmanager
def namespaces(network: str) -> Iterator[None]:
    """The namespaces with this network between them.

    Raises:
        subprocess.CalledProcessError: they cannot be made; the script has said why.
    """
    try:
        subprocess.run([SCRIPT, "up", network], check=True)
        yield
    finally:
        subprocess.run([SCRIPT, "down"], check=True)


def command(party: int, *arguments: str) -> list[str]:
    """A Python program as party `party` is connected."""
    return [str(SCRIPT), "exec", str(party), sys.executable, *arguments]


@contextlib.contextmanager
def parties() -> Iterator[None]:
    """Sends secure calls inside the `with` block to three nodes in the namespaces, which talk over TLS.

    Raises:
        RuntimeFailure: a node did not start; it has said why.
    """
    with contextlib.ExitStack() as cleanup:
        folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory()))
        config = make_configuration(folder, base=_configuration())
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "python")))}
        nodes = []
        for party in range(3):
            arguments = ("-m", "ditto.parties.node", "--log-level", "warning", "--until-stdin-closes")
            where = ("--config", str(config), "--party", str(party))
            node = subprocess.Popen(
                command(party, *arguments, *where), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
            )
            cleanup.enter_context(node)
            cleanup.callback(node.kill)
            nodes.append(node)
        for party, node in enumerate(nodes):
            assert node.stdout is not None
            if not node.stdout.readline():
                raise RuntimeFailure(f"P{party} did not start in its namespace")
        cleanup.enter_context(spu_ditto.connect(config, identity=folder / "certificates" / _OWNER))
        yield


def _configuration() -> dict[str, object]:
    names = [f"node:{n}" for n in range(3)]
    spu = {
        "node_ids": names,
        "spu_internal_addrs": [f"{host}:61930" for host in INSIDE],
        "runtime_config": {"threads": threads_of_a_local_party()},
    }
    owner = {"kind": "PYU", "config": {"node_id": names[0]}}
    return {
        "nodes": {name: f"{host}:61920" for name, host in zip(names, _OUTSIDE, strict=True)},
        "devices": {"SPU": {"kind": "SPU", "config": spu}, _OWNER: owner},
    }
