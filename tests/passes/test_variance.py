"""The variance of a LayerNorm from exact sums: right, and never negative, however large the mean."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ditto.dialects import ring
from ditto.interpreter.ring import evaluate_ring
from ditto.passes.pipeline import RING_STEPS, run_pipeline
from ditto.policy.policy import get_policy

CASE = Path(__file__).parent.parent / "filecheck" / "fuse_variance" / "moments.mlir"
EPS = 0.0078125


def inputs() -> list[np.ndarray]:  # type: ignore[type-arg]
    """Constant rows, rows around zero, rows around a large mean."""
    rng = np.random.default_rng(0)
    rows = np.stack([np.full(768, value) for value in (0.0, 1.0 / 3, -700.1, 1000.3)])
    spread = rng.normal(0, 1, (4, 768)) * np.array([[0.01], [0.3], [4.0], [100.0]])
    return [rows, spread, rows + spread]


@pytest.mark.parametrize("number", range(3))
def test_inverse_deviation(number: int) -> None:
    policy = get_policy("ditto")
    module = ring.parse_module(CASE.read_text())
    steps = [step for step in RING_STEPS if step.make(policy).name in ("fuse-variance", "ranges")]
    run_pipeline(module, policy, steps=steps)
    x = inputs()[number]
    result = evaluate_ring(module, [x], wrap=True)[0]
    expected = 1 / np.sqrt(np.var(x, axis=1) + EPS)
    np.testing.assert_allclose(result, expected, rtol=2e-3)
