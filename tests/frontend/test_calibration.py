"""Calibrated scales: finer, cheaper, readable, and refused where they do not belong."""

from __future__ import annotations

import dataclasses
import json
import re
import warnings
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import spu_ditto
from ditto.policy.plan_rows import Rule

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
    coarse = dataclasses.replace(plan, scales=tuple(dataclasses.replace(s, fraction=9) for s in plan.scales))
    assert spu_ditto.compile(block, ring_policy=coarse).lower(WEIGHTS, sample(0)).as_text() != lowered.as_text()


def test_bounds_hold_what_was_seen(lowered: spu_ditto.Lowered) -> None:
    assert lowered.plan is not None
    for row in lowered.plan.ranges:
        assert 2 * row.seen < lowered.plan.bound(row)


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


def test_rows_have_the_layers_of_their_values() -> None:
    """A scale's as well as a range's, and those of parameters too."""
    params = {"mlp": {"w": WEIGHTS["a"]}, "head": {"w": WEIGHTS["b"]}}

    def network(params: Any, x: Any) -> Any:
        hidden = jax.nn.gelu(x @ params["mlp"]["w"].astype(jnp.float16), approximate=False)
        return hidden @ params["head"]["w"].astype(jnp.float16)

    x = sample(0).astype(np.float16)
    plan = spu_ditto.compile(network, calibration=[(params, x)]).lower(params, x).plan
    assert plan is not None
    layers = [(row.op, row.layer) for row in plan.scales]
    assert layers.count(("pphlo.dot", "mlp")) == 1 and layers.index(("pphlo.dot", "mlp")) < layers.index(
        ("pphlo.custom_call", "mlp")
    )
    products = [row.layer for row in plan.ranges if row.op == "ring.matmul"]
    assert products == ["mlp", "head"]
    assert {row.layer for row in plan.ranges if row.op == "argument"} == {"mlp", "head", None}
    # Only what depends on no parameter has none.
    assert [row.op for row in plan.ranges if row.layer is None] == ["argument"]


def edited(lowered: spu_ditto.Lowered, path: Path, **content: Any) -> spu_ditto.Lowered:
    """The program of the plan's file with other content."""
    assert lowered.plan is not None
    path.write_text(json.dumps({**json.loads(lowered.plan.to_json()), **content}))
    return spu_ditto.compile(block, ring_policy=path).lower(WEIGHTS, sample(0))


def bounds(lowered: spu_ditto.Lowered) -> dict[str, float]:
    """Of the operations by their places in the plan."""
    found = re.findall(r'bound = (\S+) : f64, place = "(\d+)"', lowered.as_text())
    return {place: float(bound) for bound, place in found}


def test_headroom_in_the_file_moves_all_bounds(lowered: spu_ditto.Lowered, tmp_path: Path) -> None:
    wide = edited(lowered, tmp_path / "plan.json", headroom=8)
    before, after = bounds(lowered), bounds(wide)
    assert len(before) > 5 and set(before) == set(after)
    assert all(after[place] == 4 * bound for place, bound in before.items())
    x = 3 * sample(9)
    with pytest.raises(spu_ditto.RangeError):
        lowered.compile()(WEIGHTS, x)
    assert error(wide.compile()(WEIGHTS, x), x) < 0.03


def test_rules_hold_in_the_program(lowered: spu_ditto.Lowered, tmp_path: Path) -> None:
    assert lowered.plan is not None
    rules = [{"op": "ring.matmul", "bound": 1000.0}, {"op": "pphlo.dot", "fraction": 9}]
    ruled = edited(lowered, tmp_path / "plan.json", rules=rules)
    products = [[w for w in low.explain().widths if w.bound and w.value == "ring.matmul"] for low in (lowered, ruled)]
    assert [w.bound for w in products[1]] == [1000.0, 1000.0]
    # The second one goes on into a sum, whose fraction no scale decides.
    assert [w.fraction for w in products[0]] == [12, 14] and [w.fraction for w in products[1]] == [9, 14]
    by_hand = dataclasses.replace(lowered.plan, rules=(Rule(**rules[0]), Rule(**rules[1])))
    again = spu_ditto.compile(block, ring_policy=by_hand).lower(WEIGHTS, sample(0))
    assert again.as_text() == ruled.as_text()


def test_other_shapes_are_warned_of_and_other_programs_refused(lowered: spu_ditto.Lowered) -> None:
    assert lowered.plan is not None
    assert lowered.plan.arguments == {"weights/a": (32, 64), "weights/b": (64, 32), "x": (8, 32)}
    secure = spu_ditto.compile(block, ring_policy=lowered.plan)
    told = r"calibrated with x of shape \[8, 32\], and it is \[4, 32\] now: .* calibrate with samples of these shapes"
    with pytest.warns(spu_ditto.ShapeWarning, match=told) as warned:
        result = secure(WEIGHTS, sample(9)[:4])
    assert [w.filename for w in warned if w.category is spu_ditto.ShapeWarning] == [__file__]
    assert error(result, sample(9)[:4]) < 0.03
    with warnings.catch_warnings():
        warnings.simplefilter("error", spu_ditto.ShapeWarning)
        secure.lower(WEIGHTS, sample(0))
    with pytest.raises(spu_ditto.PolicyError, match="another program: .*; calibrate this one"):
        spu_ditto.compile(lambda w, x: block(w, jnp.tanh(x)), ring_policy=lowered.plan).lower(WEIGHTS, sample(0))


def test_a_stated_range_prevails_over_a_plan(lowered: spu_ditto.Lowered) -> None:
    assert lowered.plan is not None
    secure = spu_ditto.compile(block, ring_policy=lowered.plan, ranges={"x": 100.0})
    [x] = [w for w in secure.lower(WEIGHTS, sample(0)).explain().widths if w.value == "argument x"]
    assert (x.evidence, x.range - x.fraction) == ("ranges", 7)
