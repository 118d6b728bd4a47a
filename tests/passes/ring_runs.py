"""Programs taken through the ring passes one by one, with their exact results beside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from ditto.dialects import pphlo, ring
from ditto.dialects.dense import Array
from ditto.interpreter.checked import check_ranges
from ditto.interpreter.ring import evaluate_ring
from ditto.passes.pipeline import PPHLO_STEPS, RING_STEPS, run_pipeline
from ditto.passes.pphlo.split_public import run_prologue, signature
from ditto.policy.policy import Policy

DATA = Path(__file__).parent.parent / "data"


def load(name: str) -> ModuleOp:
    return pphlo.parse_module((DATA / f"{name}.pphlo").read_text(), name)


def run_split(module: ModuleOp, inputs: list[Array], widths_assigned: bool = True) -> list[Array]:
    """A program's results, its @main in the ring dialect."""
    parts = signature(module)
    public = run_prologue(module, [inputs[index] for index in parts.public_inputs])
    count = len(ring.main(module).body.block.args) - len(parts.secret_inputs)
    arguments = [inputs[index] for index in parts.secret_inputs] + public[:count]
    if widths_assigned:
        check_ranges(module, arguments)
    secret = evaluate_ring(module, arguments, wrap=widths_assigned)
    return [secret[index] if index >= 0 else public[-1 - index] for index in parts.outputs]


def after_ring_passes(module: ModuleOp, policy: Policy, inputs: list[Array]) -> Iterator[tuple[str, list[Array]]]:
    """The results after each ring pass, from assign-rings on."""
    run_pipeline(module, policy, steps=PPHLO_STEPS)
    for step in RING_STEPS:
        run_pipeline(module, policy, steps=[step])
        name = step.make(policy).name
        yield name, run_split(module, inputs, widths_assigned=name == "assign-widths")


def wrong(results: list[Array], expected: list[Array], tolerance: float) -> float:
    """The share of elements of some result that are off by more than `tolerance` of its size; the worst result's."""
    worst = 0.0
    for result, exact in zip(results, expected, strict=True):
        exact = np.asarray(exact, np.float64)
        off = np.abs(np.asarray(result, np.float64) - exact) > tolerance * (1 + np.max(np.abs(exact), initial=0))
        worst = max(worst, float(np.mean(off)) if off.size else 0.0)
    return worst
