#!/usr/bin/env python3
"""SPU 0.9.5 on the same model and inputs, for comparison: ABY3, FM64, PUMA's GELU and softmax.

Run by bench/bert_glue.py in a process of its own, because it replaces jax.nn.softmax and SPU may abort:
    python bench/spu_baseline.py JOB.json RESULT.json
JOB.json holds the arguments of `models.load`, the file of the inputs, how often to run, and whether each rank runs as a
process of its own in a namespace of bench/netns.sh.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import namespaces
import numpy as np
import spu_ranks
import typer
from commandline import run_command

from spu_ditto import models


def puma_softmax(x: jax.Array, axis: int = -1, where: Any = None, initial: Any = None) -> jax.Array:
    """PUMA's softmax: the exponential is zero below -14 (arXiv:2307.12533, section 4.2)."""
    x = x - jnp.max(x, axis, where=where, initial=initial, keepdims=True)
    weights = jnp.exp(x) * (x > -14)
    return weights / jnp.sum(weights, axis, where=where, keepdims=True)


def in_namespaces() -> spu_ranks.RankProcesses:
    """A rank in each of the namespaces."""
    commands = [namespaces.command(rank) for rank in range(3)]
    return spu_ranks.RankProcesses([f"{host}:61940" for host in namespaces.INSIDE], commands)


def main(
    job_file: Annotated[Path, typer.Argument(help="JSON: what is measured.", exists=True)],
    result_file: Annotated[Path, typer.Argument(help="Where to write what was measured, as JSON.")],
) -> None:
    """Runs SPU 0.9.5 on a job of bench/bert_glue.py."""
    job = json.loads(job_file.read_text())
    jax.nn.softmax = puma_softmax
    model = models.load(**{"activation": "poly", **job["model"]})
    args = (model.params, dict(np.load(job["inputs"])))
    executable = spu_ranks.compiled(model.reference, args)
    ranks = in_namespaces() if job["namespaces"] else spu_ranks.Ranks()
    measured = ranks.measure(executable, jax.tree_util.tree_leaves(args), job["repetitions"])
    result_file.write_text(
        json.dumps(
            {
                "seconds": measured.seconds,
                "bytes_total": measured.bytes_total,
                "output": np.asarray(measured.outputs[0]).tolist(),
            }
        )
    )


if __name__ == "__main__":
    run_command(main)
