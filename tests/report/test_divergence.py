"""Secure and exact side by side: which layer errs by how much, and which leaves its range."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jax
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
    assert found.samples == 1 and found.result.place is None
    assert all(layer.deviation.mean_relative_error == layer.deviation.relative_error for layer in found.layers)


def test_every_layer_has_its_operation_and_its_line(network: Any) -> None:
    found = spu_ditto.divergence(network.apply, (network.params, network.x), tolerance=1e-7)
    places = [layer.deviation.place for layer in found.layers if layer.deviation]
    assert [place.operation for place in places if place][:2] == ["ring.gelu", "ring.gelu"]
    lines = [place.line for place in places if place]
    texts = [Path(line.file).read_text().splitlines()[line.number - 1] for line in lines if line]
    assert ['["0"]' in texts[0], '["1"]' in texts[1], "softmax" in texts[2]] == [True] * 3
    assert f"in ring.gelu at report/conftest.py:{lines[0] and lines[0].number} (mul)" in found.verdict
    assert f"    ring.gelu at report/conftest.py:{lines[1] and lines[1].number} (mul)" in str(found).splitlines()
    described = json.loads(json.dumps(found.to_json()))
    assert described["layers"][0]["deviation"]["place"]["line"]["file"].endswith("conftest.py")


def test_it_takes_the_program_that_compile_makes(network: Any) -> None:
    sample = (network.params, network.x)
    plan = spu_ditto.compile(network.apply, calibration=[sample]).lower(*sample).plan
    headrooms = [
        [layer.headroom_bits for layer in spu_ditto.divergence(network.apply, sample, **options).layers]
        for options in ({}, {"calibration": [sample]}, {"ring_policy": plan}, {"ranges": {"x": 4}})
    ]
    plain, calibrated, planned, stated = headrooms
    assert calibrated == planned and all(a < b for a, b in zip(calibrated, plain, strict=True) if b != 1)
    assert stated[0] < plain[0]
    with pytest.raises(spu_ditto.RangeError, match="argument x"):
        spu_ditto.divergence(network.apply, (network.params, 100 * network.x), calibration=[sample])
    with pytest.raises(spu_ditto.PolicyError, match="headroom"):
        spu_ditto.divergence(network.apply, sample, headroom=0)


def test_of_several_samples_the_worst_counts_and_the_mean_is_told(network: Any) -> None:
    samples = [(network.params, scale * network.x) for scale in (1, np.float16(0.01), np.float16(0.5))]
    singly = [spu_ditto.divergence(network.apply, sample) for sample in samples]
    together = spu_ditto.divergence(network.apply, *samples)
    assert together.samples == 3
    for n, layer in enumerate(together.layers):
        assert layer.headroom_bits == min(found.layers[n].headroom_bits for found in singly)
        assert layer.deviation is not None
        assert 0 < layer.deviation.mean_relative_error < layer.deviation.relative_error
    # Of small numbers fewer bits are right.
    worst, small = together.layers[0].deviation, singly[1].layers[0].deviation
    assert worst is not None and small is not None and worst.largest == pytest.approx(small.largest)
    assert worst.relative_error > 5 * worst.mean_relative_error / 3 > 0


def test_samples_are_of_one_shape_and_of_one_program(network: Any) -> None:
    with pytest.raises(spu_ditto.UnsupportedError, match=r"needs a sample: .* divergence\(fn, \(params, x\)\)"):
        spu_ditto.divergence(network.apply)
    with pytest.raises(spu_ditto.ShapeError, match="argument x"):
        spu_ditto.divergence(network.apply, (network.params, network.x), (network.params, network.x[:2]))

    def repeated(n: Any, x: Any) -> Any:
        return jax.lax.fori_loop(0, n, lambda i, y: y * x, x)

    x = np.linspace(0, 1, 8, dtype=np.float32)
    options: Any = {"input_visibility": ("public", "secret")}
    assert spu_ditto.divergence(repeated, (3, x), (3, x / 2), **options).ok
    with pytest.raises(spu_ditto.UnsupportedError, match="public arguments of another sample"):
        spu_ditto.divergence(repeated, (3, x), (4, x), **options)


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
    # All numbers are the same, which tells nothing.
    assert "at a line that is not known" in found.verdict
    varied = {"a": {**params["a"], "0": {"w": weights * np.linspace(0.5, 1, 4, dtype=np.float16)}}}
    inside = (varied, np.full((2, 4), 0.1, np.float16))
    found = spu_ditto.divergence(scaled, inside, (varied, np.full((2, 4), 2, np.float16)))
    number = scaled.__code__.co_firstlineno + 2
    assert f"outside its range of 65536, at report/test_divergence.py:{number} (mul)" in found.verdict


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
