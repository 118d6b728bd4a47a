"""The emulation in floating point beside the integers it stands for, and beside three parties; its gradients."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.experimental import enable_x64

import spu_ditto
from ditto import _core
from ditto.dialects import ring
from ditto.dialects.traits import RealFunction, Truncates
from ditto.interpreter.ring import RingInterpreter, evaluate_ring
from ditto.interpreter.ring_kernels import signed
from ditto.lowering.lower_to_program import lower_to_program
from spu_ditto import models
from spu_ditto.distill.emulate import emulated
from spu_ditto.distill.emulate_kernels import OneHot, Rounding, run
from spu_ditto.distill.recipe import Stage
from spu_ditto.distill.trainer import Data, train
from spu_ditto.errors import ShapeError, UnsupportedError
from spu_ditto.nn.fit import taps
from spu_ditto.nn.scope import flat, tree_of
from tests.conformance.outcome import Array
from tests.conformance.ring_cases import CASES, RingCase, Value
from tests.distill.teach_tiny import MODEL

NEAREST = Rounding(None, ())
# Those whose operands float64 holds.
HELD = [case for case in CASES if all(-(2**53) <= v.low <= v.high <= 2**53 for v in case.operands)]


def emulation(case: RingCase, inputs: Sequence[Any], rounding: Rounding = NEAREST) -> Any:
    [op, _] = ring_ops(case)
    result = run(op, [x.astype(np.bool_) if v.kind == "b" else x for x, v in zip(inputs, case.operands)], rounding)
    return result.rows() if isinstance(result, OneHot) else result


def ring_ops(case: RingCase) -> list[Any]:
    return list(ring.main(case.module()).body.block.ops)


# ------------------------------------------------------------------------------------------------ single operations


def test_every_operation_is_tried() -> None:
    # Public summands have 64 bits in every case.
    assert {case.op for case in HELD} == {case.op for case in CASES} - {"add_public"}


@pytest.mark.parametrize("case", HELD, ids=[f"{index}-{case.name}" for index, case in enumerate(HELD)])
def test_an_operation_is_what_the_integers_are(case: RingCase) -> None:
    """A unit apart at most, modulo the ring: the interpreter rounds down where the emulation rounds to the nearest."""
    rng = np.random.default_rng(3)
    inputs = [operand.draw(rng) for operand in case.operands]
    [op, _] = ring_ops(case)
    operands = [x.astype(np.bool_) if v.kind == "b" else x for x, v in zip(inputs, case.operands)]
    integers = np.asarray(RingInterpreter().run(op, operands)).astype(np.float64)
    with enable_x64():
        found = np.asarray(emulation(case, inputs)).astype(np.float64)
    assert found.shape == case.result.shape
    apart = found - integers
    if case.result.kind == "x":
        apart -= 2.0**case.result.width * np.rint(apart * 2.0**-case.result.width)
    rounds = op.has_trait(Truncates) or op.has_trait(RealFunction) or case.op == "reround"
    # The engine's GELU is not the interpreter's, but is allowed as much.
    units = case.units if case.op == "gelu" else 1.0 if rounds else 0.0
    assert np.all(np.abs(apart) <= units + 2.0**-48 * np.max(np.abs(found))), (found, integers)


# ------------------------------------------------------------------------------------------------ coins

N = (256,)
_RNG = np.random.default_rng(5)


def _draw(least: int, most: int) -> Array:
    return _RNG.integers(least, most, N)


def _value(width: int, fraction: int) -> Value:
    return Value("x", N, width, fraction)


COINED = [
    (RingCase("mul", (_value(40, 8), _value(40, 8)), _value(24, 8), {"shift": 8}), [_draw(-3000, 3000)] * 2),
    (RingCase("square", (_value(40, 8),), _value(24, 8), {"shift": 8}), [_draw(-3000, 3000)]),
    (RingCase("down_cast", (_value(40, 18),), _value(30, 8), {"shift": 10}), [_draw(-(2**20), 2**20)]),
    (
        RingCase("mul_public", (_value(40, 8), Value("p", N, 64)), _value(26, 8), {"shift": 14}),
        [_draw(-3000, 3000), _draw(-20000, 20000)],
    ),
    (RingCase("gelu", (_value(24, 8),), _value(20, 8), {"bits": 20}), [_draw(-1100, 1100)]),
    (RingCase("exp", (_value(20, 8),), _value(17, 14), {"slack": 128, "clip_bits": 20}), [_draw(-3000, 1)]),
    (RingCase("reciprocal", (_value(21, 14),), _value(20, 16), {"lo": -1, "hi": 5}), [_draw(2**13, 2**19)]),
    (RingCase("rsqrt", (_value(29, 28),), _value(21, 12), {"lo": -12, "hi": -4}), [_draw(2**16, 2**24)]),
]


@pytest.mark.parametrize(("case", "inputs"), COINED, ids=[case.op for case, _ in COINED])
def test_coins_fall_as_the_engines(case: RingCase, inputs: list[Array]) -> None:
    """Mean and spread of 100 runs. Measured: spreads 0.40 and 0.37 units for a product, 0.50 and 0.50 for a shift, 0.31
    and 0.26 for GELU, 0.55 and 0.40 for the reciprocal root. Means of an operand are 0.05 to 0.08 apart (root mean
    square), which is chance, but 0.47 and 0.59 of the reciprocal and its root, of up to 131072 units."""
    lowered = lower_to_program(case.module())
    program = _core.Program(lowered.json, [np.asarray(c, np.int64) for c in lowered.constants])
    parties, runs = _core.Simulator(20.0), 100
    coined = jax.jit(lambda key, arrays: emulation(case, arrays, Rounding(key, ring_ops(case))))
    secure, emulated_ = np.zeros((runs, *N)), np.zeros((runs, *N))
    for n in range(runs):
        given = [
            parties.put(inputs[slot.argument], slot.width) if slot.secret else inputs[slot.argument]
            for slot in lowered.inputs
        ]
        [result], *_ = parties.run(program, given)
        secure[n] = signed(np.asarray(result), case.result.width)
        emulated_[n] = coined(jax.random.key(n), [x.astype(np.float32) for x in inputs])
    off = secure.mean(0) - emulated_.mean(0)
    spread = emulated_.std(0).mean() / secure.std(0).mean()
    apart, squares, least = (0.15, 0.8, 0.65) if case.op in ("reciprocal", "rsqrt") else (0.03, 0.11, 0.8)
    assert abs(off.mean()) < apart
    assert np.sqrt(np.mean(off**2)) < squares
    assert least < spread < 1.1


def test_a_key_decides_the_coins_and_no_key_is_the_nearest() -> None:
    case, inputs = COINED[2]
    ops, x = ring_ops(case), [array.astype(np.float32) for array in inputs]
    first, again, other = (emulation(case, x, Rounding(jax.random.key(seed), ops)) for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert np.array_equal(emulation(case, x), np.floor(inputs[0] / 1024 + 0.5))


# ------------------------------------------------------------------------------------------------ functions


def layer_norm(x: jax.Array) -> jax.Array:
    centred = x - jnp.mean(x, -1, keepdims=True)
    return centred / jnp.sqrt(jnp.mean(centred**2, -1, keepdims=True) + 1e-5)


def dense(x: jax.Array) -> jax.Array:
    return jnp.tanh(x @ x.T) + jax.nn.gelu(x @ x.T)


FUNCTIONS: list[Callable[[jax.Array], jax.Array]] = [jax.nn.softmax, layer_norm, dense]
ROWS = np.random.default_rng(3).normal(size=(4, 4, 16)).astype(np.float32) * 2


@pytest.fixture(scope="module", params=FUNCTIONS, ids=["softmax", "layer_norm", "dense"])
def lowered(request: pytest.FixtureRequest) -> Any:
    samples = [(rows,) for rows in ROWS]
    return spu_ditto.compile(request.param, calibration=samples, guard="off").lower(ROWS[0])


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_functions_are_what_the_integers_are(lowered: Any, seed: int) -> None:
    """A unit of 2^-16 or 2^-18 apart, and GELU's own error of 2^-11. Measured: 1 for the softmax and the norm, 126 for
    tanh and GELU together."""
    rows = np.random.default_rng(seed).normal(size=ROWS[0].shape).astype(np.float32) * 1.5
    program = lowered.compile().program
    [integers] = evaluate_ring(ring.parse_module(program.ring), [rows])
    unit = 2.0 ** -program.outputs[0].type.fraction
    with enable_x64():
        found = np.asarray(emulated(lowered)(rows), np.float64)
    error = 2.0**-10.9 if "gelu" in program.ring else 0
    assert np.max(np.abs(found - integers.reshape(found.shape))) <= unit + error
    single = np.asarray(emulated(lowered)(rows), np.float64)
    # Where float32 rounds another way, it is a unit of a value that goes on.
    assert np.max(np.abs(found - single)) <= 40 * unit


# ------------------------------------------------------------------------------------------------ a real model

TEXTS = [
    "The film was dull and far too long.",
    "A wonderful, warm and funny film.",
    "I loved every minute of it.",
    "What a waste of an evening!",
    "The actors are superb, the music even better.",
    "Nobody should have to sit through this.",
]
KINDS = np.array([0, 1, 1, 0, 1, 0])


def classifier() -> models.Model:
    """Two layers of MiniLM, with a head that tells TEXTS apart by least squares."""
    body = models.load("minilm", layers=2)
    made = models.load("minilm", task="text-classification", layers=2, num_labels=2, random_weights=True)
    weights = {**dict(flat(made.params)), **dict(flat(body.params))}
    model = dataclasses.replace(made, params=tree_of(weights), tokenizer=body.tokenizer)
    [pooled] = taps(model, model.encode(TEXTS, seq_len=16), lambda name: name == "classifier").values()
    ones = np.append(pooled, np.ones((len(pooled), 1), np.float32), axis=1)
    head = np.linalg.lstsq(ones, 2.0 * np.eye(2)[KINDS] - 1, rcond=1e-4)[0].astype(np.float32)
    weights |= {"classifier.weight": head[:-1].T, "classifier.bias": head[-1]}
    return dataclasses.replace(model, params=tree_of(weights))


def test_hidden_states_of_minilm_are_those_of_a_secure_run() -> None:
    """In units of what comes into each layer and out of the last, at real tokens.

    Measured, of what the first and the second layer take and the second gives, which have 18, 12 and 12 fraction bits:
    a secure run is off from the emulation by 0.05, 0.00 and 0.02 units on average, by 2.6, 7.5 and 13.8 as a standard
    deviation, by 10, 21 and 39 at 99 of 100 numbers; and from another secure run by 2.2, 8.1 and 15.3. With 18 fraction
    bits it shows that roots have errors which are the same in all secure runs.
    """
    model = classifier()
    inputs = model.encode(TEXTS, seq_len=16)

    def states(params: Any, inputs: Any) -> tuple[jax.Array, list[jax.Array]]:
        found: list[jax.Array] = []
        logits = model.run(
            params, inputs, model.precision, lambda name, x: found.append(x) if name.endswith(".hidden") else None
        )
        return logits, found

    lowered = spu_ditto.compile(states, calibration=[(model.params, inputs)]).lower(model.params, inputs)
    secure = lowered.compile()
    types = secure.result_types()
    coined = jax.jit(lambda params, key: emulated(lowered, key)(params, inputs))
    real = inputs["attention_mask"] != 0
    runs = [secure(model.params, inputs), secure(model.params, inputs), coined(model.params, jax.random.key(1))]
    layers = list(zip(*(hidden for _, hidden in runs), strict=True))
    assert len(layers) == 3
    for n, (layer, (most, spread)) in enumerate(zip(layers, ((18, 1.8), (40, 1.3), (75, 1.3)))):
        one, other, ours = (np.asarray(x, np.float64)[real] * 2.0 ** types[n + 1].fraction for x in layer)
        off = ours - one
        assert abs(off.mean()) < 0.5
        assert np.quantile(np.abs(off), 0.99) < most
        assert 0.7 < off.std() / (other - one).std() < spread
    for logits, _ in runs:
        assert np.array_equal(np.argmax(logits, -1), KINDS)


# ------------------------------------------------------------------------------------------------ gradients


def test_gradients_are_those_of_the_floats() -> None:
    """Of a tiny BERT's loss, with coins and without; measured: cosines of 0.9999."""
    model = models.load(MODEL)
    inputs = model.make_inputs(batch=8, seq_len=8)
    lowered = spu_ditto.compile(model.apply, calibration=[(model.params, inputs)]).lower(model.params, inputs)

    def slope(run: Callable[..., jax.Array]) -> Array:
        def loss(params: Any) -> jax.Array:
            return -jnp.mean(jax.nn.log_softmax(run(params, inputs))[:, 0])

        slopes = jax.tree_util.tree_leaves(jax.jit(jax.grad(loss))(model.params))
        return np.concatenate([np.ravel(leaf) for leaf in slopes])

    known = slope(model.reference)
    for key in (None, jax.random.key(0)):
        found = slope(emulated(lowered, key))
        assert np.all(np.isfinite(found))
        assert models.cosine(found[None], known[None])[0] > 0.999
        assert 0.98 < np.linalg.norm(found) / np.linalg.norm(known) < 1.02


def test_training_through_the_emulation_lowers_the_loss(tmp_path: Path) -> None:
    teacher = models.load(MODEL)
    inputs = teacher.make_inputs(batch=32, seq_len=8)
    known = teacher.reference(teacher.params, inputs)
    data = Data(inputs, np.asarray(known).argmax(-1))
    # What is left of the loss where student and teacher agree.
    entropy = -float(jnp.mean(jnp.sum(jax.nn.softmax(known) * jax.nn.log_softmax(known), -1)))
    student = teacher.converted(attention="2quad", activation="quad")
    stage = Stage(steps=60, batch=8, rate=2e-3, logits=1.0, frozen=("bert.embeddings",), quantisation_aware="program")
    told: list[dict[str, float]] = []
    trained = train(student, teacher, stage, data, data, tmp_path, told=lambda step, metrics: told.append(metrics))
    losses = [metrics["loss"] - entropy for metrics in told]
    assert np.mean(losses[-8:]) < 0.5 * np.mean(losses[:8])
    before, after = dict(flat(student.params)), dict(flat(trained.params))
    changed = [name for name in before if not np.array_equal(before[name], after[name])]
    assert changed and not any(name.startswith("bert.embeddings") for name in changed)


# ------------------------------------------------------------------------------------------------ arguments


def test_public_arguments_and_results_are_the_callers() -> None:
    def fn(x: jax.Array, scale: jax.Array, places: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        return x * jnp.sqrt(scale), x[places], scale + 1

    x, scale, places = np.array([0.5, -1.25, 2.0], np.float32), np.float32(2.0), np.array([2, 0])
    visibility = ("secret", "public", "public")
    lowered = spu_ditto.compile(fn, input_visibility=visibility).lower(x, scale, places)
    for function in (emulated(lowered), jax.jit(emulated(lowered))):
        found = function(x, scale, places=places)
        for one, expected in zip(found, fn(x, scale, places), strict=True):
            assert np.allclose(one, expected, atol=2.0**-17)
    slope = jax.jit(jax.grad(lambda x: jnp.sum(emulated(lowered)(x, scale, places)[0])))(x)
    assert np.allclose(slope, np.sqrt(2), atol=2.0**-17)


def test_other_arguments_are_refused() -> None:
    lowered = spu_ditto.compile(lambda x: x * x).lower(np.ones(3, np.float32))
    with pytest.raises(ShapeError, match=r"x of .* is float32\[4\]"):
        jax.jit(emulated(lowered))(np.ones(4, np.float32))


def test_what_runs_as_several_programs_is_refused() -> None:
    def long(x: jax.Array) -> jax.Array:
        return jax.lax.fori_loop(0, 1000, lambda _, y: 0.5 * y * y + x, x)

    lowered = spu_ditto.compile(long, guard="off").lower(np.ones(2, np.float32))
    with pytest.raises(UnsupportedError, match="long runs as several programs"):
        emulated(lowered)


def test_a_program_for_a_public_value_is_of_that_value() -> None:
    def power(x: jax.Array, n: jax.Array) -> jax.Array:
        return jax.lax.fori_loop(0, n, lambda _, y: y * x, jnp.ones_like(x))

    x = np.array([0.5, -1.5], np.float32)
    lowered = spu_ditto.compile(power, input_visibility=("secret", "public")).lower(x, np.int32(3))
    assert np.allclose(emulated(lowered)(x, np.int32(3)), x**3, atol=2.0**-16)
    with pytest.raises(UnsupportedError, match="was lowered for other values"):
        emulated(lowered)(x, np.int32(2))
