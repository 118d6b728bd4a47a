"""SPU 0.9.5's three ranks, in one process or in three, with the bytes of all of them counted: ABY3, FM64.

`spu.utils.simulation` does not count them: it silences two ranks.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
import spu
from spu import libspu
from spu.utils import frontend

_LINK = re.compile(r"Link details: total send bytes (\d+), recv bytes \d+, send actions (\d+)")


@dataclass(frozen=True)
class Measured:
    """Seconds of every execution, and of one of them the bytes of all ranks, a rank's most messages, the results."""

    seconds: list[float]
    bytes_total: int
    messages: int
    outputs: list[Any]


def runtime_config() -> Any:
    """ABY3 over 64 bits with 18 fraction bits, as PUMA runs."""
    config = spu.RuntimeConfig(protocol=spu.ProtocolKind.ABY3, field=spu.FieldType.FM64, fxp_fraction_bits=18)
    config.fxp_exp_mode = spu.RuntimeConfig.ExpMode.EXP_TAYLOR
    config.enable_hal_profile = True
    return config


def compiled(function: Callable[..., Any], args: Sequence[Any]) -> Any:
    """SPU's executable of a JAX function, all of whose arguments (pytrees of arrays) are secret."""
    leaves = jax.tree_util.tree_leaves(args)
    options = spu.CompilerOptions()
    options.enable_optimize_denominator_with_broadcast = True
    executable, _ = frontend.compile(
        frontend.Kind.JAX,
        function,
        tuple(args),
        {},
        [f"in{n}" for n in range(len(leaves))],
        [spu.Visibility.VIS_SECRET] * len(leaves),
        lambda results: [f"out{n}" for n in range(len(results))],
        copts=options,
    )
    return executable


class Ranks:
    """SPU's three ranks as threads of this process, each profiling itself."""

    def __init__(self) -> None:
        self.config = runtime_config()
        self.io = spu.Io(3, self.config)

    def run(self, executable: Any, arrays: Sequence[Any]) -> tuple[list[Any], float]:
        """The results and the seconds from shared inputs to shared results."""
        shares = [self.io.make_shares(np.asarray(a), spu.Visibility.VIS_SECRET) for a in arrays]
        description = libspu.link.Desc()
        for rank in range(3):
            description.add_party(f"id_{rank}", f"thread_{rank}")
        ready = threading.Barrier(4)
        outputs: list[Any] = [None] * 3

        def party(rank: int) -> None:
            runtime = spu.Runtime(libspu.link.create_mem(description, rank), libspu.RuntimeConfig(self.config))
            for name, share in zip(executable.input_names, shares, strict=True):
                runtime.set_var(name, share[rank])
            ready.wait()
            runtime.run(executable)
            outputs[rank] = [runtime.get_var(name) for name in executable.output_names]

        threads = [threading.Thread(target=party, args=(rank,)) for rank in range(3)]
        for thread in threads:
            thread.start()
        ready.wait()
        started = time.perf_counter()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - started
        if any(output is None for output in outputs):
            raise RuntimeError("a rank of SPU failed; its message stands above")
        return [self.io.reconstruct(list(parts)) for parts in zip(*outputs, strict=True)], seconds

    def measure(self, executable: Any, arrays: Sequence[Any], repetitions: int) -> Measured:
        """Runs `repetitions` times on the same arrays."""
        seconds: list[float] = []
        for _ in range(repetitions):
            (outputs, elapsed), log = captured(lambda: self.run(executable, arrays))
            links = link_details(log, 3)
            seconds.append(elapsed)
        return Measured(seconds, sum(sent for sent, _ in links), max(messages for _, messages in links), outputs)


def link_details(log: str, runs: int) -> list[tuple[int, int]]:
    """What each of so many executions of a rank has sent: bytes and messages."""
    links = [(int(sent), int(messages)) for sent, messages in _LINK.findall(log)]
    if len(links) != runs:
        raise RuntimeError(f"expected SPU's link details of {runs} runs, got {len(links)}:\n{log[-2000:]}")
    return links


class RankProcesses:
    """SPU's three ranks as processes that talk over TCP, by its link's defaults but for patience.

    Args:
        addresses: "host:port" of each.
        commands: of each the start of a command that runs a Python program where the rank is to be.
    """

    def __init__(self, addresses: Sequence[str], commands: Sequence[Sequence[str]] = ((sys.executable,),) * 3) -> None:
        self.config = runtime_config()
        self.io = spu.Io(3, self.config)
        self.addresses = addresses
        self.commands = commands

    def measure(self, executable: Any, arrays: Sequence[Any], repetitions: int) -> Measured:
        """Runs `repetitions` times on the same arrays. An execution takes as long as the rank that takes longest."""
        script = str(Path(__file__).with_name("spu_rank.py"))
        with contextlib.ExitStack() as cleanup:
            logs = [cleanup.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
            ranks = []
            for rank, (command, log) in enumerate(zip(self.commands, logs, strict=True)):
                whole = [*command, script, str(rank), *self.addresses]
                process = subprocess.Popen(whole, stdin=subprocess.PIPE, stdout=log, stderr=log)
                cleanup.enter_context(process)
                cleanup.callback(process.kill)
                ranks.append(process)
            self._tell(ranks, [self.config.SerializeToString()] * 3)
            self._tell(ranks, [executable.SerializeToString()] * 3)
            self._tell(ranks, [repetitions] * 3)
            # One after the other: the shares of all weights together would take gigabytes.
            for array in arrays:
                self._tell(ranks, self.io.make_shares(np.asarray(array), spu.Visibility.VIS_SECRET))
            for process in ranks:
                assert process.stdin is not None
                process.stdin.close()
            status = [process.wait() for process in ranks]
            texts = []
            for log in logs:
                log.seek(0)
                texts.append(log.read().decode(errors="replace"))
        for rank, (code, text) in enumerate(zip(status, texts, strict=True)):
            if code != 0:
                raise RuntimeError(f"SPU's rank {rank} ended with status {code}:\n{text[-2000:]}")
        told = [pickle.loads(bytes.fromhex(text.rstrip().rpartition("\n")[2])) for text in texts]
        links = [link_details(text, repetitions)[-1] for text in texts]
        seconds = [max(of_one) for of_one in zip(*(taken for taken, _ in told), strict=True)]
        outputs = [self.io.reconstruct(list(parts)) for parts in zip(*(shares for _, shares in told), strict=True)]
        return Measured(seconds, sum(sent for sent, _ in links), max(messages for _, messages in links), outputs)

    def _tell(self, ranks: Sequence[subprocess.Popen[bytes]], told: Sequence[Any]) -> None:
        for process, what in zip(ranks, told, strict=True):
            assert process.stdin is not None
            pickle.dump(what, process.stdin)


def captured(function: Callable[[], Any]) -> tuple[Any, str]:
    """Calls `function` and returns its result and what the process, its C++ part included, printed meanwhile."""
    with tempfile.TemporaryFile() as log:
        saved = [os.dup(1), os.dup(2)]
        try:
            for descriptor in (1, 2):
                os.dup2(log.fileno(), descriptor)
            result = function()
        finally:
            for descriptor, copy in zip((1, 2), saved, strict=True):
                os.dup2(copy, descriptor)
                os.close(copy)
            log.seek(0)
            text = log.read().decode(errors="replace")
    return result, text
