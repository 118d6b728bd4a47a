"""Nodes that run out of something, and what many calls leave behind."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.e2e.nodes import connected
from tests.e2e.programs import fxp, value_type
from tests.e2e.service import IN_FULL, Service, X, failing_soon, running_service

ROLES = [pytest.param(0, marks=IN_FULL), 1, pytest.param(2, marks=IN_FULL)]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("service")) as service:
        yield service


@contextlib.contextmanager
def limited(service: Service, role: int, what: int, most: int) -> Iterator[None]:
    """A node has no more of something inside the `with` block."""
    pid = service.nodes[role].process.pid
    before = resource.prlimit(pid, what)
    resource.prlimit(pid, what, (most, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, what, before)


def status(pid: int, what: str) -> int:
    """A line of a process's status, kilobytes as bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    [number] = [line.split()[1] for line in lines if line.startswith(f"{what}:")]
    return 1024 * int(number)


def descriptors(service: Service) -> list[int]:
    """How many each node has, which the nodes let nobody but root count."""
    if os.geteuid() != 0:
        pytest.skip("only root may count the descriptors of a node")
    return [len(list(Path(f"/proc/{node.process.pid}/fd").iterdir())) for node in service.nodes]


def test_weights_that_find_no_place_on_the_disk(service: Service) -> None:
    """As on a full disk, no file can grow."""
    with limited(service, 1, resource.RLIMIT_FSIZE, 4096), failing_soon("File too large"):
        service.publish("triple", 5)
    assert service.all_alive()
    service.check()
    for role in range(3):
        service.start_again(role)
    service.check()
    assert not list(service.config.parent.glob("store-*/*.part"))


@pytest.mark.parametrize("role", ROLES)
def test_a_node_without_descriptors(service: Service, role: int) -> None:
    with service.client() as client:
        service.check(client)
        # What is open stays open.
        with limited(service, role, resource.RLIMIT_NOFILE, descriptors(service)[role]):
            with failing_soon(within=40), service.client() as other:
                other.call("triple", x=X)
            service.check(client)
    assert service.all_alive()
    service.check()


@pytest.mark.parametrize("role", ROLES)
def test_a_node_without_memory(service: Service, role: int) -> None:
    service.check()
    room = status(service.nodes[role].process.pid, "VmSize") + (64 << 20)
    n = 30_000_000
    with limited(service, role, resource.RLIMIT_AS, room), connected(service.config) as parties:
        with failing_soon("P0|P1|P2|bad_alloc|MemoryError", 60):
            parties.put(np.zeros(n, np.int64), value_type(fxp(32, 8, [n])))
    assert service.all_alive()
    service.check()


def test_a_node_that_crashes_leaves_no_core(service: Service) -> None:
    pid = service.nodes[1].process.pid
    os.kill(pid, signal.SIGABRT)
    _, status = os.waitpid(pid, 0)
    assert os.WTERMSIG(status) == signal.SIGABRT and not os.WCOREDUMP(status)
    service.start_again(1)
    service.check()


@pytest.mark.parametrize("calls", [40, pytest.param(300, marks=IN_FULL)])
def test_calls_leave_nothing_behind(service: Service, calls: int) -> None:
    with service.client() as client:
        for _ in range(20):
            service.check(client)
        before = descriptors(service)
        held = [status(node.process.pid, "VmRSS") for node in service.nodes]
        for _ in range(calls):
            service.check(client)
        assert max(np.subtract(descriptors(service), before)) <= 0
        # A call shares and opens some hundred bytes; allocators take pages.
        grown = np.subtract([status(node.process.pid, "VmRSS") for node in service.nodes], held)
        assert max(grown) < 4 << 20, grown
    for _ in range(5):
        service.check()
    deadline = time.monotonic() + 30
    while max(np.subtract(descriptors(service), before)) > 0:
        assert time.monotonic() < deadline, (before, descriptors(service))
        time.sleep(0.2)
