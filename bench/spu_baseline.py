"""SPU 0.9.5 on the same model and inputs, for comparison: ABY3, FM64, PUMA's GELU and softmax.

Run by bench/bert_glue.py in a process of its own, because it replaces jax.nn.softmax and SPU may abort:
    python bench/spu_baseline.py JOB.json RESULT.json
JOB.json holds the arguments of `models.load` and the file of the inputs. Bytes are summed over SPU's three ranks, which
`spu.utils.simulation` does not do: it silences two of them.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import spu
from spu import libspu
from spu.utils import frontend

from spu_ditto import models

_SENT = re.compile(r"send bytes (\d+)")


def puma_softmax(x: jax.Array, axis: int = -1, where: Any = None, initial: Any = None) -> jax.Array:
    """PUMA's softmax: the exponential is zero below -14 (arXiv:2307.12533, section 4.2)."""
    x = x - jnp.max(x, axis, where=where, initial=initial, keepdims=True)
    weights = jnp.exp(x) * (x > -14)
    return weights / jnp.sum(weights, axis, where=where, keepdims=True)


def runtime_config() -> Any:
    """ABY3 over 64 bits with 18 fraction bits, as PUMA runs."""
    config = spu.RuntimeConfig(protocol=spu.ProtocolKind.ABY3, field=spu.FieldType.FM64, fxp_fraction_bits=18)
    config.fxp_exp_mode = spu.RuntimeConfig.ExpMode.EXP_TAYLOR
    config.enable_hal_profile = True
    return config


class Ranks:
    """SPU's three ranks as threads of this process, each profiling itself."""

    def __init__(self) -> None:
        self.config = runtime_config()
        self.io = spu.Io(3, self.config)

    def run(self, executable: Any, arrays: list[np.ndarray[Any, Any]]) -> tuple[list[Any], float]:
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


def captured(function: Any) -> tuple[Any, str]:
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


def main(job_path: str, result_path: str) -> None:
    job = json.loads(Path(job_path).read_text())
    jax.nn.softmax = puma_softmax
    model = models.load(**{"gelu": "poly", **job["model"]})
    inputs = dict(np.load(job["inputs"]))
    leaves, _ = jax.tree_util.tree_flatten((model.params, inputs))
    options = spu.CompilerOptions()
    options.enable_optimize_denominator_with_broadcast = True
    executable, _ = frontend.compile(
        frontend.Kind.JAX,
        model.reference,
        (model.params, inputs),
        {},
        [f"in{n}" for n in range(len(leaves))],
        [spu.Visibility.VIS_SECRET] * len(leaves),
        lambda results: [f"out{n}" for n in range(len(results))],
        copts=options,
    )
    ranks = Ranks()
    seconds, sent, output = [], [], None
    for _ in range(job["repetitions"]):
        (output, elapsed), log = captured(lambda: ranks.run(executable, [np.asarray(leaf) for leaf in leaves]))
        details = [line for line in log.splitlines() if "Link details" in line]
        if len(details) != 3:
            raise RuntimeError(f"expected SPU's link details of three ranks, got {len(details)}:\n{log[-2000:]}")
        sent.append(sum(int(number) for line in details for number in _SENT.findall(line)))
        seconds.append(elapsed)
    assert output is not None
    Path(result_path).write_text(
        json.dumps({"seconds": seconds, "bytes_total": sent[-1], "output": np.asarray(output[0]).tolist()})
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
