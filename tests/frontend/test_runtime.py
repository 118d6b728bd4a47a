"""Which runtime a call uses, from whatever thread or task it comes; never the simulator in silence."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ditto.parties.simulator import Simulator
from spu_ditto import Runtime, RuntimeFailure, current_runtime, use_runtime
from tests.frontend.plaintext import PlaintextRuntime


def in_thread(call: Callable[[], Any]) -> Any:
    """What `call` gives in a new thread."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(call).result()


def test_without_a_block_it_is_the_simulator() -> None:
    assert isinstance(current_runtime(), Simulator)
    assert in_thread(current_runtime) is current_runtime()


def test_threads_and_tasks_inside_a_block_use_its_runtime() -> None:
    async def from_tasks() -> list[Runtime]:
        loop = asyncio.get_running_loop()
        in_executor = loop.run_in_executor(None, current_runtime)
        return [await asyncio.to_thread(current_runtime), await in_executor, current_runtime()]

    parties = PlaintextRuntime()
    found: list[Runtime] = []
    with use_runtime(parties):
        found.append(in_thread(current_runtime))
        thread = threading.Thread(target=lambda: found.append(current_runtime()))
        thread.start()
        thread.join()
        found += asyncio.run(from_tasks())
        with ThreadPoolExecutor(4) as pool:
            found += pool.map(lambda _: current_runtime(), range(8))
    assert len(found) == 13 and all(runtime is parties for runtime in found)


def test_the_innermost_block_counts() -> None:
    outer, inner = PlaintextRuntime(), PlaintextRuntime()
    with use_runtime(outer):
        with use_runtime(inner):
            assert current_runtime() is inner
        assert current_runtime() is outer
        with use_runtime(outer):
            assert in_thread(current_runtime) is outer


def test_a_thread_inside_none_of_several_blocks_is_refused() -> None:
    first, second = PlaintextRuntime(), PlaintextRuntime()

    def inside() -> Runtime:
        with use_runtime(second):
            return current_runtime()

    with use_runtime(first), use_runtime(second):
        with pytest.raises(RuntimeFailure, match=r"2 runtimes are open.*call inside `with use_runtime\(parties\):`"):
            in_thread(current_runtime)
        assert in_thread(inside) is second


def test_a_task_that_outlives_its_block_is_refused() -> None:
    with use_runtime(PlaintextRuntime()):
        context = contextvars.copy_context()
    with pytest.raises(RuntimeFailure, match="this task was started in has ended"):
        context.run(current_runtime)
    with use_runtime(PlaintextRuntime()), pytest.raises(RuntimeFailure, match="has ended"):
        context.run(current_runtime)


def test_a_thread_that_outlives_its_block_is_refused() -> None:
    with ThreadPoolExecutor(1) as pool:
        ended = threading.Event()
        with use_runtime(PlaintextRuntime()):
            call = pool.submit(lambda: ended.wait() and current_runtime())
        ended.set()
        with pytest.raises(RuntimeFailure, match="this thread was started in has ended"):
            call.result()
    assert isinstance(in_thread(current_runtime), Simulator)


def test_a_block_spans_the_cells_of_a_notebook() -> None:
    """Each cell runs in a context of its own, and a block may be entered in one and left in another."""
    parties = PlaintextRuntime()
    block = use_runtime(parties)
    contextvars.copy_context().run(block.__enter__)
    assert contextvars.copy_context().run(current_runtime) is parties
    assert in_thread(current_runtime) is parties
    contextvars.copy_context().run(block.__exit__, None, None, None)
    assert isinstance(contextvars.copy_context().run(current_runtime), Simulator)


def test_a_block_around_the_beginning_of_another_need_not_outlive_it() -> None:
    with contextlib.ExitStack() as longer:
        with use_runtime(Simulator()):
            longer.enter_context(use_runtime(Simulator()))
    assert isinstance(current_runtime(), Simulator)
