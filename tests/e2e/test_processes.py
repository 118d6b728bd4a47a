"""Three real processes give what the simulator gives, and say clearly what went wrong when one of them dies."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import threading
from pathlib import Path

import numpy as np
import pytest

import spu_ditto
from ditto.parties.local import processes
from ditto.parties.program import RingProgram
from ditto.parties.simulator import Simulator
from tests.e2e.programs import Builder, bit, fxp, public, repeated_products, value_type


def small_program() -> RingProgram:
    """min(x y, 0) + p, [x y < 0], and p a scalar argument."""
    b = Builder()
    x, y, p = b.input(fxp(32, 8, [2, 3, 4])), b.input(fxp(32, 12, [2, 4, 5])), b.input(public([]))
    z = b.op("matmul", [x, y], fxp(20, 8, [2, 3, 5]), layer="first", shift=12)
    negative = b.op("msb", [z], bit([2, 3, 5]), layer="second", bits=20, drop=0)
    least = b.op("bit_mul", [negative, z], fxp(20, 8, [2, 3, 5]), layer="second")
    moved = b.op("add_public", [least, p], fxp(20, 8, [2, 3, 5]), layer="second")
    return b.program(moved, negative)


def test_processes_compute_and_send_what_the_simulator_does() -> None:
    program = small_program()
    rng = np.random.default_rng(1)
    x, y = rng.integers(-512, 512, (2, 3, 4)), rng.integers(-8192, 8192, (2, 4, 5))
    expected = np.minimum((x / 256) @ (y / 4096), 0) + 3
    reports = []
    with processes() as remote:
        for runtime in (Simulator(), remote):
            shares = [
                runtime.put(v, binding.type) for v, binding in zip((x, y), program.inputs) if binding.type is not None
            ]
            (result, negative), report = runtime.run(program, [*shares, np.array(3 * 256)])
            np.testing.assert_allclose(result / 256, expected, atol=0.012)
            assert set(negative[np.abs(expected - 3) > 0.1]) == {1}
            reports.append(report)
            assert [s.input_bytes for s in shares] == [4 * 24 * 4, 4 * 40 * 4]
            _, online = runtime.run(program, [*shares, np.array(0)], offline_first=True)
            assert online.online_seconds is not None and online.online_seconds <= online.seconds
    first, second = reports
    assert (first.sent, first.rounds) == (second.sent, second.rounds)
    assert [line.name for line in second.layers] == ["first", "second"]
    assert second.peak_rss_bytes is not None and second.peak_rss_bytes > 0


def test_peak_memory_is_that_of_the_parties_alone() -> None:
    held = np.ones(10**8)
    with processes() as remote:
        share = remote.put(np.ones((1, 8, 8), np.int64), value_type(fxp(32, 8, [1, 8, 8])))
        _, report = remote.run(repeated_products(8, 1), [share])
    assert report.peak_rss_bytes is not None and report.peak_rss_bytes < held.nbytes


def test_values_are_forgotten_and_programs_too() -> None:
    with processes() as remote:
        for _ in range(3):
            program = small_program()
            types = [binding.type for binding in program.inputs]
            x, y = (remote.put(np.zeros(t.shape, np.int64), t) for t in types[:2] if t is not None)
            remote.run(program, [x, y, np.array(0)])
            del x, y, program


def test_of_two_equal_programs_one_may_go() -> None:
    with processes() as remote:
        first, second = small_program(), small_program()
        types = [binding.type for binding in first.inputs]
        x, y = (remote.put(np.zeros(t.shape, np.int64), t) for t in types[:2] if t is not None)
        for program in (first, second):
            remote.run(program, [x, y, np.array(0)])
        del first, program
        gc.collect()
        for _ in range(2):
            remote.run(second, [x, y, np.array(0)])


def pid_of_party(role: int, parent: int) -> int:
    """The child of a process that runs this party."""
    for status in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found = int((status.parent / "stat").read_text().rpartition(")")[2].split()[1])
            if found == parent and status.read_bytes().split(b"\0")[:-1][-2:] == [b"--party", b"%d" % role]:
                return int(status.parent.name)
    raise AssertionError(f"P{role} does not run")


def test_a_killed_party_is_named_before_any_time_out() -> None:
    n = 200
    program = repeated_products(n, 2000)
    # To wait for the time-out would be to hang.
    with processes(timeout=3600) as remote:
        share = remote.put(np.zeros((1, n, n), np.int64), value_type(fxp(32, 8, [1, n, n])))
        victim = pid_of_party(1, os.getpid())
        threading.Timer(0.5, os.kill, (victim, signal.SIGKILL)).start()
        with pytest.raises(spu_ditto.RuntimeFailure, match="P1 was killed by signal 9"):
            remote.run(program, [share])
        with pytest.raises(spu_ditto.RuntimeFailure, match="open another session"):
            remote.run(program, [share])


def test_a_bad_input_is_named() -> None:
    program = small_program()
    with processes() as remote, pytest.raises(spu_ditto.RuntimeFailure, match="input 0 is not of type fxp<32,8>"):
        wrong = remote.put(np.zeros((3, 3), np.int64), value_type(fxp(32, 8, [3, 3])))
        remote.run(program, [wrong, wrong, np.array(0)])
