"""Secure and exact side by side: which layer errs by how much, and which leaves its range."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import erf

import spu_ditto
from ditto.dialects import pphlo, ring
from ditto.dialects.dense import Array
from ditto.interpreter import evaluate
from ditto.interpreter.exact import evaluate_exactly
from spu_ditto.lowering import pphlo_signature
from spu_ditto.plain_run import main_inputs


def test_a_network_within_its_tolerance(network: Any) -> None:
    found = spu_ditto.divergence(network.apply, (network.params, network.x))
    assert found.ok
    assert found.first_beyond_tolerance is None and found.first_out_of_range is None
    layers = [c.name for c in network.compiled.cost_analysis().layers]
    assert [*(layer.name for layer in found.layers), "guard"] == layers
    for layer in found.layers:
        assert layer.deviation is not None and 0 < layer.deviation.relative_error < 0.05
        assert layer.headroom_bits is not None and layer.headroom_bits > 0
    exact = _exactly(network.params, network.x)
    # The program has the square root of a half in float16.
    np.testing.assert_allclose(found.result.largest, exact.max(), rtol=1e-4)
    assert found.result.max_error == pytest.approx(np.max(np.abs(network.result - exact)), rel=0, abs=5e-3)
    assert "mlp/1" in str(found) and "within" in str(found)
    assert max(len(line) for line in str(found).splitlines()) <= 80


def _exactly(params: Any, x: Any) -> Array:
    wide = [
        np.asarray(w, np.float64)
        for w in (params["mlp"]["0"]["w"], params["mlp"]["1"]["w"], params["head"]["out"]["w"])
    ]
    hidden = np.asarray(x, np.float64)
    for weight in wide[:2]:
        hidden = hidden @ weight
        hidden = hidden * 0.5 * (1 + erf(hidden / np.sqrt(2)))
    scores = np.exp(hidden @ wide[2])
    return np.asarray(scores / scores.sum(-1, keepdims=True))


def test_the_first_layer_beyond_the_tolerance_is_named(network: Any) -> None:
    found = spu_ditto.divergence(network.apply, (network.params, network.x), tolerance=1e-7)
    assert not found.ok
    assert found.first_beyond_tolerance is not None and found.first_beyond_tolerance.name == "mlp/0"
    assert "mlp/0 is the first beyond the tolerance" in found.verdict
    assert str(found).count("<- beyond tolerance") == len(found.layers)


def test_the_first_value_out_of_its_range_is_named(network: Any) -> None:
    def scaled(params: Any, x: Any) -> Any:
        hidden = x @ params["a"]["0"]["w"]
        return (hidden * hidden) @ params["a"]["1"]["w"]

    weights = np.full((4, 4), 60, np.float16)
    params = {"a": {"0": {"w": weights}, "1": {"w": np.eye(4, dtype=np.float16)}}}
    found = spu_ditto.divergence(scaled, (params, np.full((2, 4), 2, np.float16)))
    assert not found.ok
    assert found.first_out_of_range is not None
    assert found.first_out_of_range.headroom_bits is not None and found.first_out_of_range.headroom_bits <= 0
    assert "outside its range" in found.verdict and found.first_out_of_range.name in found.verdict
    assert "<- out of range" in str(found)


def test_of_a_small_term_the_sum_counts() -> None:
    def added(params: Any, x: Any) -> Any:
        return (x @ params["a"]["0"]["w"] + x @ params["a"]["1"]["w"]) @ params["a"]["2"]["w"]

    # The first product is below the last fraction bit, hence all wrong.
    scales = (1e-5, 1.0, 1.0)
    params = {"a": {str(n): {"w": scale * np.eye(4, dtype=np.float16)} for n, scale in enumerate(scales)}}
    found = spu_ditto.divergence(added, (params, np.ones((2, 4), np.float16)))
    assert found.ok
    assert [layer.name for layer in found.layers] == ["a/0", "a/1", "a/2"]
    assert all(layer.deviation is not None and layer.deviation.largest > 0.5 for layer in found.layers)


def test_public_arguments_and_results_take_part() -> None:
    def masked(params: Any, x: Any, mask: Any) -> Any:
        return jnp.sum((x @ params["dense"]["0"]["w"]) * (1 - mask), -1), mask * 2

    x, mask = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4), np.array([[1.0, 0.0]] * 3, np.float32)
    params = {"dense": {"0": {"w": np.linspace(-1, 1, 8, dtype=np.float32).reshape(4, 2)}}}
    found = spu_ditto.divergence(masked, (params, x, mask), input_visibility=("secret", "secret", "public"))
    assert found.ok and found.result.relative_error < 1e-3


def test_handles_are_refused(network: Any) -> None:
    with pytest.raises(spu_ditto.UnsupportedError, match="the arrays themselves"):
        spu_ditto.divergence(network.apply, (spu_ditto.share(network.params), network.x))


DATA = Path(__file__).parent.parent / "data"


@pytest.mark.parametrize("program", ["bert_f16_whole", "gpt2_f32", "vit_f16", "movement", "public_mask"])
def test_exact_evaluation_is_what_pphlo_means(program: str) -> None:
    """Passes fuse and reorder, but on real numbers they change nothing to speak of."""
    text = (DATA / f"{program}.pphlo").read_text()
    arguments, _ = pphlo_signature(text)
    rng = np.random.default_rng(0)
    leaves = [
        rng.normal(0, 0.3, a.shape).astype(a.dtype) if a.dtype.kind == "f" else np.ones(a.shape, a.dtype)
        for a in arguments
    ]
    compiled = spu_ditto.from_pphlo(text)
    module = ring.parse_module(compiled.program.ring)
    last: dict[Any, Array] = {}
    returned = list(ring.main(module).body.block.last_op.operands)  # type: ignore[union-attr]

    def observe(op: ring.RingOp, value: Array) -> None:
        if op.result in returned:
            last[op.result] = np.ldexp(value, -ring.fraction(op.result)) if ring.is_fxp(op.result) else value

    inputs = main_inputs(compiled.program, leaves, compiled.public_part(leaves))
    evaluate_exactly(module, inputs, observe)
    expected = evaluate(pphlo.parse_module(text), leaves, exact=True)
    for binding, target in zip(compiled.program.outputs, expected, strict=True):
        if binding.source == "program":
            result = last[returned[binding.index]]
            assert np.max(np.abs(result - target)) <= 2e-3 * (1 + np.max(np.abs(target)))
