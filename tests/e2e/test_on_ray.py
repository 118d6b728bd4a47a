"""Trios on a Ray cluster of this machine: placed by what machines declare, and replaced when a worker is killed."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Callable, Iterator

import numpy as np
import psutil
import pytest
import ray

import spu_ditto
from ditto.parties.on_ray import PARTIES, on_ray, ray_cluster
from spu_ditto.evaluation import evaluate
from tests.e2e.nodes import free_ports

WEIGHTS = np.array([2, -1, 0.5], np.float32)
SAMPLES = [np.full(3, n / 8, np.float32) for n in range(200)]

secure = spu_ditto.compile(lambda w, x: w * x)


@pytest.fixture(scope="module", autouse=True)
def own_cluster() -> Iterator[None]:
    """Room for two trios."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("RAY_ADDRESS", raising=False)
        with ray_cluster(2) as room:
            assert room == 2
            yield


def workers(of: str) -> list[psutil.Process]:
    """What this process has started, directly or not, whose command line holds this."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if any(of in part for part in process.cmdline()):
                found.append(process)
    return found


def test_nodes_are_where_their_parties_are() -> None:
    with on_ray() as parties:
        np.testing.assert_allclose(secure(WEIGHTS, SAMPLES[8]), WEIGHTS, atol=1e-3)
        free = ray.available_resources()
        assert [free[party] for party in PARTIES] == [1, 1, 1]
        started = {word for process in workers("ditto.parties.node") for word in process.cmdline()}
        assert {"--config", "--party", "0", "1", "2"} <= started and "--plain-on-loopback" not in started
        # Keys are in the memory of the nodes alone.
        folders = {os.path.dirname(word) for word in started if word.endswith("3pc.json")}
        files = {name for folder in folders for name in os.listdir(folder)}
        assert len(folders) == 3 and "node-0.pem" in files and not any(name.endswith(".key") for name in files)
    assert parties.ended
    assert not any(os.path.exists(folder) for folder in folders)
    assert not workers("ditto.parties.node")


@pytest.mark.parametrize("victim", ["ray::_PlacedNode", "ditto.parties.node"])
def test_no_sample_is_lost_with_a_worker_and_none_counts_twice(victim: str, caplog: pytest.LogCaptureFixture) -> None:
    compiled = secure.lower(WEIGHTS, SAMPLES[0]).compile()
    lock, both = threading.Lock(), threading.Event()
    opened, answered, killed = [], [], []

    @contextlib.contextmanager
    def trio() -> Iterator[Callable[[np.ndarray], np.ndarray]]:
        with on_ray():
            shared = secure.share(WEIGHTS)
            with lock:
                opened.append(True)
                if len(opened) == 2:
                    both.set()

            def answer(x: np.ndarray) -> np.ndarray:
                assert both.wait(120)
                with lock:
                    answered.append(float(x[0]))
                    if len(answered) == 60:
                        killed.append(workers(victim)[0])
                        killed[0].kill()
                return np.asarray(compiled.run(shared, x)[0])

            yield answer

    with caplog.at_level(logging.WARNING):
        answers = evaluate(SAMPLES, trio, 2)
    assert len(answers) == 200
    np.testing.assert_allclose(answers, [WEIGHTS * x for x in SAMPLES], atol=2e-3)
    assert len(killed) == 1 and not killed[0].is_running()
    # One was on the trio that was lost, and was asked for again.
    assert len(answered) == 201 and len(set(answered)) == 200
    assert len(opened) == 3
    [lost] = [record.getMessage() for record in caplog.records if record.name == "spu_ditto.evaluation"]
    assert "a trio is lost: P" in lost


def test_a_cluster_without_places_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ditto.parties.on_ray._PLACED", 1.0)
    with on_ray(), on_ray():
        with pytest.raises(spu_ditto.RuntimeFailure, match="had no free party:0, party:1, party:2 within 1 s"):
            with on_ray():
                pass
    [nobody] = free_ports(1)
    with monkeypatch.context() as patch:
        patch.setenv("RAY_ADDRESS", f"127.0.0.1:{nobody}")
        with pytest.raises(spu_ditto.RuntimeFailure, match=f"127.0.0.1:{nobody} cannot be reached: .*refused"):
            with ray_cluster():
                pass
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 2.0, "party:0": 1.0, "party:1": 1.0})
    monkeypatch.setattr(ray, "init", lambda address, **options: None)
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    with pytest.raises(spu_ditto.RuntimeFailure, match=r"""declares party:2: .*--resources='{"party:2": 1}'"""):
        with ray_cluster():
            pass
