"""What a program tells of the widths of its values."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import spu_ditto
from ditto.dialects import ring
from ditto.policy.plan_rows import Rule
from spu_ditto import loops
from spu_ditto.explain import Explanation, Width

RNG = np.random.default_rng(0)
PARAMS = {
    "mlp": {"w": RNG.normal(size=(64, 64)).astype(np.float32)},
    "head": {"w": RNG.normal(size=(64, 8)).astype(np.float32)},
}
X = RNG.normal(size=(4, 64)).astype(np.float32)


def model(params: Any, x: Any) -> Any:
    hidden = jax.nn.gelu(x.astype(jnp.float16) @ params["mlp"]["w"].astype(jnp.float16))
    return jax.nn.softmax(hidden.astype(jnp.float32) @ params["head"]["w"])


@pytest.fixture(scope="module")
def calibrated() -> spu_ditto.Lowered:
    return spu_ditto.compile(model, calibration=[(PARAMS, X)]).lower(PARAMS, X)


def of(explained: Explanation, value: str) -> list[Width]:
    return [width for width in explained.widths if width.value == value]


def test_a_width_is_the_sum_of_what_its_bits_are_for() -> None:
    found = Width("ring.matmul", "mlp", (4, 8), 20, 8, 19, "calibration", 812.4, 2048.0, 2.0)
    assert str(found) == "20 bits: 11 of range by calibration (seen 812.4, headroom 2), 8 of fraction, a sign"
    assert str(dataclasses.replace(found, bits=32)).endswith("8 of fraction, a sign, 12 more for what takes it")
    small = dataclasses.replace(found, evidence="proof", range=5, bits=6)
    assert str(small) == "6 bits: 8 of fraction less 3 by proof, a sign"


def test_what_samples_have_shown(calibrated: spu_ditto.Lowered) -> None:
    plan = calibrated.plan
    assert plan is not None
    explained = calibrated.explain()
    first, second = of(explained, "ring.matmul")
    rows = [row for row in plan.ranges if row.op == "ring.matmul"]
    for width, row in zip((first, second), rows, strict=True):
        assert (width.evidence, width.layer) == ("calibration", row.layer)
        assert (width.seen, width.headroom) == (row.seen, 2.0)
        assert 2.0 ** (width.range - width.fraction) == width.bound == plan.bound(row)
    assert (first.layer, second.layer) == ("mlp", "head")
    [x] = of(explained, "argument x")
    assert x.evidence == "calibration" and x.seen == pytest.approx(np.abs(X).max(), rel=1e-3)
    # What follows of that is proven: nothing is gained from the evidence.
    assert {width.evidence for width in of(explained, "ring.exp") + of(explained, "ring.sub")} == {"proof"}


def test_what_a_plan_states(calibrated: spu_ditto.Lowered) -> None:
    assert calibrated.plan is not None
    plan = dataclasses.replace(calibrated.plan, rules=(Rule("mlp", "ring.matmul", bound=100.0),))
    stated, seen = of(spu_ditto.compile(model, ring_policy=plan).lower(PARAMS, X).explain(), "ring.matmul")
    assert (stated.evidence, seen.evidence) == ("plan", "calibration")
    assert "7 of range as the plan states (below 100, seen " in str(stated)


def test_what_the_caller_states_and_what_goes_by_default() -> None:
    explained = spu_ditto.compile(model, ranges={"x": 10}).lower(PARAMS, X).explain()
    evidence = {width.value: width.evidence for width in explained.widths if width.value.startswith("argument")}
    assert evidence == {"argument params/head/w": "default", "argument params/mlp/w": "default", "argument x": "ranges"}
    assert "4 of range as ranges= states" in str(of(explained, "argument x")[0])
    assert {width.evidence for width in of(explained, "ring.matmul")} == {"default"}


def test_widths_are_those_of_the_program(calibrated: spu_ditto.Lowered) -> None:
    """Nothing of a ring is left over, and nothing of the guard's is told."""
    explained = calibrated.explain()
    module = ring.main(ring.parse_module(calibrated.as_text()))
    rings = [
        (op.name, ring.width(op.result))
        for op in module.body.block.ops
        if isinstance(op, ring.RingOp) and ring.is_fxp(op.result)
    ]
    for width in explained.widths:
        assert 1 + width.range <= width.bits
        assert width.value.startswith("argument") or (width.value, width.bits) in rings
    assert len(of(explained, "ring.matmul")) == 2 < [name for name, _ in rings].count("ring.matmul")
    assert of(explained, "ring.reshape") == of(explained, "ring.up_cast") == []


def test_the_table_has_the_widest_first(calibrated: spu_ditto.Lowered) -> None:
    explained = calibrated.explain()
    title, *lines = str(explained).splitlines()
    assert title == "how many there are, the widest first, and then in the program's order:"
    bits = [int(line.split(" bits: ")[0].split()[-1]) for line in lines]
    assert bits == sorted(bits, reverse=True)
    assert sum(int(line.split()[0]) for line in lines) == len(explained.widths) > 10


def test_the_programs_of_a_long_loop_are_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops, "_LONG", 40)
    lowered = spu_ditto.compile(lambda x: jnp.exp(jnp.tanh(lax.fori_loop(0, 60, lambda i, s: s * 0.5 + x, x)))).lower(X)
    assert lowered.as_text().count("module @") > 1
    told = {name: len(of(lowered.explain(), f"ring.{name}")) for name in ("tanh", "add")}
    assert told["tanh"] == 1 and 1 <= told["add"] < 60
    assert sum(width.value == "argument x" for width in lowered.explain().widths) >= 1


def test_what_is_alike_is_one_line_of_the_table() -> None:
    width = Width("ring.add", None, (), 20, 8, 19, "proof")
    _, line = str(Explanation((width, width, width))).splitlines()
    assert line == "3  ring.add    1  20 bits: 11 of range by proof, 8 of fraction, a sign"
