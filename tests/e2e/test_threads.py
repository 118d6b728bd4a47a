"""Threads, tasks and forked processes that share a session: each call gets its own answer, or is refused."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
import spu

import spu_ditto
from ditto.parties.simulator import Simulator
from spu_ditto import Runtime, SecureFunction

CALLS, THREADS = 4, 8
W = np.linspace(-1, 1, 8, dtype=np.float32).reshape(4, 2)


@contextlib.contextmanager
def simulator() -> Iterator[Runtime]:
    with spu_ditto.use_runtime(Simulator()) as parties:
        yield parties


def secure_model() -> SecureFunction:
    return spu.compile(lambda w, x: jnp.maximum(x @ w, 0.0), ring_policy="ditto")


def inputs(seed: int, rows: int = 3) -> Any:
    return np.random.default_rng(seed).uniform(-2, 2, (rows, 4)).astype(np.float32)


def check(secure: SecureFunction, weights: Any, x: Any) -> None:
    np.testing.assert_allclose(secure(weights, x), np.maximum(x @ W, 0), atol=1e-3)


@pytest.mark.parametrize("runtime", [spu_ditto.processes, simulator])
def test_every_thread_gets_its_own_answers(runtime: Any) -> None:
    secure = secure_model()
    weights = secure.share(W)

    def calls(thread: int) -> None:
        # Two shapes: threads compile at once too.
        for call in range(CALLS):
            check(secure, weights, inputs(thread * CALLS + call, rows=2 + thread % 2))

    with runtime() as parties, ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(calls, range(THREADS)))
        assert len(weights._stored[parties]) == 1


def test_threads_inside_a_block_never_use_the_simulator(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("the simulator ran")

    with spu_ditto.processes(), ThreadPoolExecutor(1) as pool:
        monkeypatch.setattr(Simulator, "run", refuse)
        pool.submit(check, secure_model(), W, inputs(0)).result()


def _error_of_a_call(secure: SecureFunction, answer: Connection) -> None:
    try:
        answer.send(str(secure(W, inputs(1))))
    except spu_ditto.RuntimeFailure as error:
        answer.send(str(error))


@pytest.mark.parametrize("runtime", [spu_ditto.processes, simulator])
def test_a_forked_process_is_refused_and_leaves_the_session_alone(runtime: Any) -> None:
    secure = secure_model()
    with runtime():
        check(secure, W, inputs(0))
        here, there = multiprocessing.Pipe()
        child = multiprocessing.get_context("fork").Process(target=_error_of_a_call, args=(secure, there))
        child.start()
        there.close()  # If the child dies, nobody is to be waited for.
        assert "after a fork" in here.recv()
        check(secure, W, inputs(2))
        child.join()
        assert child.exitcode == 0
        check(secure, W, inputs(3))


def test_a_forked_process_that_leaves_the_block_ends_nothing() -> None:
    # JAX itself hangs when a forked process comes to its regular end.
    script = """
        import os
        import spu_ditto
        from tests.e2e.test_threads import W, check, inputs, secure_model

        secure = secure_model()
        child = None
        try:
            with spu_ditto.processes():
                check(secure, W, inputs(0))
                child = os.fork()
                if not child:
                    secure(W, inputs(1))
                os.waitpid(child, 0)
                check(secure, W, inputs(2))
        except spu_ditto.RuntimeFailure as error:
            os.write(1, str(error).encode() + b"\\n")
        if not child:
            os._exit(0)
        print("still there")
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(script)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    refused, *rest = done.stdout.splitlines()
    assert refused.startswith("the session belongs to process") and refused.endswith("after a fork")
    assert (rest, done.returncode) == (["still there"], 0), done.stdout + done.stderr
