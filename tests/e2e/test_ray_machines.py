"""A Ray cluster of several machines: nodes are on those of their parties, also after one is lost."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

import numpy as np
import psutil
import pytest
from ray.cluster_utils import Cluster

import spu_ditto
from ditto.parties.on_ray import PARTIES, on_ray, ray_cluster
from spu_ditto.evaluation import evaluate

WEIGHTS = np.array([2, -1, 0.5], np.float32)

secure = spu_ditto.compile(lambda w, x: w * x)


def machine_of(node: psutil.Process) -> str:
    """The command line of the daemon that Ray runs on the machine where a node's process is."""
    return next(" ".join(one.cmdline()) for one in node.parents() if one.name().startswith("raylet"))


def placed_nodes() -> dict[str, psutil.Process]:
    """The running nodes by party."""
    found = {}
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            line = process.cmdline()
            if "ditto.parties.node" in line:
                found[f"party:{line[line.index('--party') + 1]}"] = process
    return found


@pytest.fixture
def machines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """One of nobody, one of each party, and a second one of P1."""
    head = {"include_dashboard": False, "num_cpus": 1, "object_store_memory": 80_000_000}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        for party in (*PARTIES, PARTIES[1]):
            cluster.add_node(resources={party: 1}, num_cpus=1, object_store_memory=80_000_000)
        cluster.wait_for_nodes()
        monkeypatch.setenv("RAY_ADDRESS", cluster.address)
        yield cluster
    finally:
        cluster.shutdown()


def test_nodes_are_on_machines_of_their_parties(machines: Cluster) -> None:
    samples = [np.full(3, n / 8, np.float32) for n in range(60)]
    lock, asked, places = threading.Lock(), [], []

    @contextlib.contextmanager
    def trio() -> Iterator[Callable[[np.ndarray], np.ndarray]]:
        with on_ray():
            nodes = placed_nodes()
            places.append({party: machine_of(node) for party, node in nodes.items()})
            shared = secure.share(WEIGHTS)

            def answer(x: np.ndarray) -> np.ndarray:
                with lock:
                    asked.append(float(x[0]))
                    if len(asked) == 20:
                        [lost] = [one for one in machines.worker_nodes if one.node_id in places[0][PARTIES[1]]]
                        machines.remove_node(lost, allow_graceful=False)
                        # Ray's worker there sees to it that what it has started ends, a moment later.
                        nodes[PARTIES[1]].wait(60)
                return np.asarray(secure(shared, x))

            yield answer

    with ray_cluster() as room:
        assert room == 1
        answers = evaluate(samples, trio, room)
    np.testing.assert_allclose(answers, [WEIGHTS * x for x in samples], atol=2e-3)
    assert len(asked) == 61
    first, second = places
    for place in (first, second):
        declared = {party: [one for one in PARTIES if one in machine] for party, machine in place.items()}
        assert declared == {party: [party] for party in PARTIES}
    assert first[PARTIES[1]] != second[PARTIES[1]]
