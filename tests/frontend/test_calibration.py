"""Calibrated scales: finer, cheaper, readable, and refused where they do not belong."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import spu_ditto

RNG = np.random.default_rng(0)
WEIGHTS = {"a": RNG.normal(0, 0.2, (32, 64)).astype(np.float32), "b": RNG.normal(0, 0.2, (64, 32)).astype(np.float32)}


def block(weights: Any, x: Any) -> Any:
    """A feed-forward block: f16 dots and GELU, a residual sum and LayerNorm in f32."""
    small = x.astype(jnp.float16)
    hidden = jax.nn.gelu(small @ weights["a"].astype(jnp.float16), approximate=False)
    total = (hidden @ weights["b"].astype(jnp.float16) + small).astype(jnp.float32)
    centred = total - total.mean(-1, keepdims=True)
    return centred * jax.lax.rsqrt(
        jnp.maximum(0.0, (total**2).mean(-1, keepdims=True) - total.mean(-1, keepdims=True) ** 2) + 1e-5
    )


def sample(seed: int) -> Any:
    return np.random.default_rng(seed).normal(0, 1, (8, 32)).astype(np.float32)


@pytest.fixture(scope="module")
def lowered() -> spu_ditto.Lowered:
    samples = [(WEIGHTS, sample(seed)) for seed in (1, 2, 3)]
    return spu_ditto.compile(block, calibration=samples).lower(WEIGHTS, sample(0))


def error(result: Any, x: Any) -> float:
    return float(np.max(np.abs(np.asarray(result) - np.asarray(block(WEIGHTS, x)))))


def test_calibration_costs_less_and_errs_less(lowered: spu_ditto.Lowered) -> None:
    plain = spu_ditto.compile(block).lower(WEIGHTS, sample(0))
    costs = [low.cost_analysis() for low in (lowered, plain)]
    sent = [cost.offline_bytes + cost.online_bytes for cost in costs]
    assert sent[0] < 0.95 * sent[1]
    x = sample(9)
    assert error(lowered.compile()(WEIGHTS, x), x) < 0.03


def test_the_plan_can_be_saved_edited_and_given_back(lowered: spu_ditto.Lowered, tmp_path: Path) -> None:
    plan = lowered.plan
    assert plan is not None
    assert spu_ditto.Plan.from_json(plan.to_json()) == plan
    path = tmp_path / "plan.json"
    plan.save(path)
    for given in (plan, path, str(path)):
        again = spu_ditto.compile(block, ring_policy=given).lower(WEIGHTS, sample(0))
        assert again.as_text() == lowered.as_text()
    finest = [scale for scale in plan.scales if scale.fraction == 12]
    assert finest
    coarse = dataclasses.replace(plan, scales=[dataclasses.replace(s, fraction=9) for s in plan.scales])
    assert spu_ditto.compile(block, ring_policy=coarse).lower(WEIGHTS, sample(0)).as_text() != lowered.as_text()


def test_bounds_hold_what_was_seen(lowered: spu_ditto.Lowered) -> None:
    assert lowered.plan is not None
    for entry in lowered.plan.ranges:
        assert 2 * entry.seen < entry.bound


def test_an_argument_beyond_its_bound_is_refused(lowered: spu_ditto.Lowered) -> None:
    large = {**WEIGHTS, "a": 100 * WEIGHTS["a"]}
    with pytest.raises(spu_ditto.RangeError, match="a"):
        lowered.compile()(large, sample(0))


def test_a_plan_of_another_program_is_refused(lowered: spu_ditto.Lowered, tmp_path: Path) -> None:
    assert lowered.plan is not None
    with pytest.raises(spu_ditto.PolicyError, match="another program"):
        spu_ditto.compile(lambda x: x * x, ring_policy=lowered.plan).lower(sample(0))
    with pytest.raises(spu_ditto.PolicyError, match="leave calibration out"):
        spu_ditto.compile(block, ring_policy=lowered.plan, calibration=[(WEIGHTS, sample(0))])
    (tmp_path / "no.json").write_text("{}")
    for path in (tmp_path / "no.json", tmp_path / "absent.json"):
        with pytest.raises(spu_ditto.PolicyError):
            spu_ditto.compile(block, ring_policy=path)


def test_samples_of_another_shape_are_refused() -> None:
    with pytest.raises(spu_ditto.ShapeError):
        spu_ditto.compile(block, calibration=[(WEIGHTS, sample(0)[:4])]).lower(WEIGHTS, sample(0))


def test_small_scores_are_not_refused() -> None:
    """The maximum of a softmax is short by more than such scores differ."""
    rng = np.random.default_rng(4)
    samples = [tuple(rng.uniform(-0.02, 0.02, (12, 17, 64)).astype(np.float16) for _ in "qk") for _ in range(3)]

    def attention(q: Any, k: Any) -> Any:
        return jax.nn.softmax(jnp.einsum("hqd,hkd->hqk", q, k) / 8)

    secure = spu_ditto.compile(attention, ring_policy="ditto", calibration=samples)
    np.testing.assert_allclose(secure(*samples[0]), attention(*samples[0]), atol=2e-3)
