#!/usr/bin/env python3
"""SPU 0.9.5 on the operations of bench/protocols.py, which runs this in a process of its own, because SPU may abort:
    python bench/spu_protocols.py JOB.json ARRAYS.npz RESULT.json
JOB.json is {"repetitions": int, "cases": [{"function": name, "attrs": {...}, "inputs": count}, ...]}. ARRAYS.npz holds
input n of case c as "c_n" and the exact results as "c".
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
import spu_ranks
import typer
from commandline import run_command
from provenance import spread


def conv(x: jax.Array, kernel: jax.Array, strides: list[int], **_: Any) -> jax.Array:
    return jax.lax.conv_general_dilated(x, kernel, strides, "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))


# By the engine's name of the operation; each takes the operation's attributes, of which most concern the rings alone.
FUNCTIONS: dict[str, Callable[..., jax.Array]] = {
    "mul": lambda x, y, **_: x * y,
    "square": lambda x, **_: x * x,
    "matmul": lambda x, y, **_: x @ y,
    "conv": conv,
    "floor_shift": lambda x, **_: jnp.floor(x),
    "msb": lambda x, **_: x < 0,
    "equal_zero": lambda x, **_: x == 0,
    "bit_and": lambda b, c, **_: b & c,
    "bit_mul": lambda b, x, **_: jnp.where(b, x, jnp.zeros_like(x)),
    "select": lambda b, x, y, **_: jnp.where(b, x, y),
    "abs": lambda x, **_: jnp.abs(x),
    "max": lambda x, axis, **_: jnp.max(x, axis),
    "argmax": lambda x, axis, **_: jnp.argmax(x, axis),
    "one_hot": lambda x, depth, **_: jax.nn.one_hot(x, depth, dtype=jnp.int32),
    "exp": lambda x, **_: jnp.exp(x),
    "exp_below": lambda x, **_: jnp.exp(x),
    "divide": lambda x, y, **_: x / y,
    "reciprocal": lambda x, **_: 1 / x,
    "rsqrt": lambda x, **_: jax.lax.rsqrt(x),
    "sqrt": lambda x, **_: jnp.sqrt(x),
    "log": lambda x, **_: jnp.log(x),
    "tanh": lambda x, **_: jnp.tanh(x),
    "sine": lambda x, **_: jnp.sin(x),
    "gelu": lambda x, **_: jax.nn.gelu(x),
    "polynomial": lambda x, coefficients, **_: jnp.polyval(jnp.asarray(coefficients[::-1], x.dtype), x),
}


def main(
    job_file: Annotated[Path, typer.Argument(help="JSON: what is measured.", exists=True)],
    arrays_file: Annotated[Path, typer.Argument(help="NPZ: the operands and exact results.", exists=True)],
    result_file: Annotated[Path, typer.Argument(help="Where to write what was measured, as JSON.")],
) -> None:
    """Runs SPU 0.9.5 on a job of bench/protocols.py."""
    job = json.loads(job_file.read_text())
    ranks = spu_ranks.Ranks()
    results = []
    with np.load(arrays_file) as arrays:
        for number, case in enumerate(job["cases"]):
            inputs = [arrays[f"{number}_{n}"] for n in range(case["inputs"])]
            function, attrs = FUNCTIONS[case["function"]], case["attrs"]
            executable = spu_ranks.compiled(lambda *args, f=function, a=attrs: f(*args, **a), inputs)
            measured = ranks.measure(executable, inputs, job["repetitions"])
            output = np.asarray(measured.outputs[0]).astype(np.float64)
            results.append(
                {
                    "seconds": statistics.median(measured.seconds),
                    "spread": spread(measured.seconds),
                    "bytes": measured.bytes_total,
                    "messages": measured.messages,
                    "max_abs_error": float(np.max(np.abs(output - arrays[str(number)]))),
                }
            )
    result_file.write_text(json.dumps(results))


if __name__ == "__main__":
    run_command(main)
