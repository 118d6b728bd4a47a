"""The debug mode: a violation is named before the parties start, and legal runs pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import spu_ditto
from ditto.parties.runtime import Runtime
from ditto.parties.simulator import Simulator
from spu_ditto import models
from spu_ditto.stages import SecureFunction
from tests.frontend.plaintext import PlaintextRuntime
from tests.frontend.tiny_models import write_tiny_model


def f32(*numbers: float) -> Any:
    return np.array(numbers, np.float32)


def masked_softmax(x: Any, allowed: Any) -> Any:
    return jax.nn.softmax(jnp.where(allowed, x, -jnp.inf), axis=-1)


SCORES = f32(1, 2, 3, 4).reshape(2, 2)
TABLE = np.arange(20, dtype=np.float32).reshape(10, 2)
# What is computed, legal arguments, arguments at fault, and how the error names it.
FAULTS: dict[str, tuple[Callable[..., Any], tuple[Any, ...], tuple[Any, ...], str]] = {
    "a product beyond float32's range": (
        lambda x, y: x * y,
        (f32(1, 9e3), f32(1, 9e3)),
        (f32(1, 9e4), f32(1, 9e4)),
        r"ring\.mul: a value is 8\.1e\+09 at \[1\], where -1\.34218e\+08 to 1\.34218e\+08 is assumed; .* ranges=",
    ),
    "a product beyond float16's range": (
        lambda x, y: x * y,
        (np.array([1, 200], np.float16), np.array([1, 200], np.float16)),
        (np.array([1, 400], np.float16), np.array([1, 400], np.float16)),
        r"ring\.mul: a value is 160000 at \[1\], where -65536 to 65536 is assumed; .*ranges=.* calibrate .*float32",
    ),
    "an exponential": (jnp.exp, (f32(1, 10),), (f32(1, 40),), r"ring\.exp_below: the exponent is 40 at \[1\]"),
    "1 / 0": (lambda x: 1 / x, (f32(1, -2),), (f32(1, 0),), r"ring\.reciprocal: the divisor is 0 at \[1\].* epsilon"),
    "x / 0": (
        lambda x, y: x / y,
        (f32(1, 2), f32(1, -1)),
        (f32(1, 2), f32(1, 0)),
        r"ring\.divide: the divisor is 0 at \[1\]",
    ),
    "the square root of a negative": (
        jnp.sqrt,
        (f32(1, 0),),
        (f32(1, -1),),
        r"ring\.r?sqrt: the operand is -1 at \[1\].* must not be negative",
    ),
    "a row with nothing allowed": (
        masked_softmax,
        (SCORES, np.array([[1, 1], [0, 1]], bool)),
        (SCORES, np.array([[1, 1], [0, 0]], bool)),
        r"ring\.sub: the maximum of a row is .* nothing is allowed in this row of a softmax",
    ),
    "an id out of a table": (
        lambda table, ids: jnp.take(table, ids, axis=0),
        (TABLE, np.array([1, 9], np.int32)),
        (TABLE, np.array([1, 10], np.int32)),
        r"ring\.one_hot: an id is 10 at \[1\], where 0 to 9 is assumed; the table has 10 rows",
    ),
}


@pytest.fixture(scope="module", params=["simulator", "processes"])
def runtime(request: pytest.FixtureRequest) -> Iterator[Runtime]:
    if request.param == "simulator":
        yield Simulator(check_ranges=True)
    else:
        with spu_ditto.processes(check_ranges=True) as parties:
            yield parties


@pytest.mark.parametrize("fault", FAULTS)
def test_everyday_faults_are_named(runtime: Runtime, fault: str) -> None:
    function, legal, faulty, message = FAULTS[fault]
    secure = spu_ditto.compile(function)
    with spu_ditto.use_runtime(runtime):
        with pytest.raises(spu_ditto.RangeError, match=message):
            secure(*secure.share(faulty))
        np.testing.assert_allclose(secure(*legal), function(*legal), rtol=0.01, atol=0.01)


def test_the_logarithm_of_zero() -> None:
    tensor = "tensor<2x!pphlo.secret<f32>>"
    logarithm = spu_ditto.from_pphlo(f"""
func.func @main(%x: {tensor}) -> {tensor} {{
  %0 = pphlo.log %x : {tensor}
  return %0 : {tensor}
}}""")
    with spu_ditto.use_runtime(Simulator(check_ranges=True)):
        np.testing.assert_allclose(logarithm(f32(1, 5))[0], np.log([1, 5]), atol=0.01)
        with pytest.raises(spu_ditto.RangeError, match=r"ring\.log: the operand is 0 at \[1\].* must be positive"):
            logarithm(f32(1, 0))


def test_the_parties_do_not_start() -> None:
    parties = PlaintextRuntime(check_ranges=True)
    secure = spu_ditto.compile(lambda x: 1 / x)
    with spu_ditto.use_runtime(parties):
        with pytest.raises(spu_ditto.RangeError, match="the divisor is 0"):
            secure(f32(0))
        assert parties.runs == 0
        secure(f32(2))
        assert parties.runs == 1


def network(params: Any, x: Any) -> Any:
    """Two layers; the second takes what a maximum leaves of the first."""
    for n in ("0", "1"):
        with jax.named_scope(n):
            x = jax.nn.relu(x @ params["dense"][n]["w"])
    return x


def test_what_samples_do_not_cover_is_named_with_its_layer() -> None:
    rng = np.random.default_rng(0)
    params = {"dense": {n: {"w": rng.normal(0, 1, (8, 8)).astype(np.float32)} for n in ("0", "1")}}
    samples = [rng.normal(0, 1, (16, 8)).astype(np.float32) for _ in range(4)]
    calibration = [(params, sample) for sample in samples[:3]]
    with spu_ditto.use_runtime(Simulator(check_ranges=True)):
        secure = spu_ditto.compile(network, calibration=calibration)
        np.testing.assert_allclose(secure(params, samples[3]), network(params, samples[3]), rtol=0.01, atol=0.05)
        with pytest.raises(spu_ditto.RangeError, match="argument x holds"):
            secure(params, 4 * samples[3])
        # The same where the argument itself is in its range.
        doubled = {"dense": {n: {"w": 1.9 * params["dense"][n]["w"]} for n in ("0", "1")}}
        pattern = r"ring\.\w+ in layer dense/1: a value is .* is assumed; calibrate on such a sample too"
        with pytest.raises(spu_ditto.RangeError, match=pattern):
            secure(doubled, 1.9 * samples[3])


def test_public_numbers_are_checked() -> None:
    secure = spu_ditto.compile(lambda x, y: x * y, input_visibility=("secret", "public"))
    with spu_ditto.use_runtime(Simulator(check_ranges=True)):
        np.testing.assert_allclose(secure(f32(1, 5), f32(1, 10)), [1, 50], rtol=0.01)
        with pytest.raises(spu_ditto.RangeError, match="argument y holds NaN, or a number of magnitude"):
            secure(f32(1, 5), f32(1, 1e30))


def test_an_argument_without_its_array_cannot_be_checked() -> None:
    class Elsewhere:
        shape, dtype = (2,), np.dtype(np.float32)

    with spu_ditto.use_runtime(Simulator(check_ranges=True)):
        with pytest.raises(spu_ditto.UnsupportedError, match="argument x is a handle without its array"):
            spu_ditto.compile(lambda x: 1 / x)(Elsewhere())


def calibrated(model: models.Model, make: Callable[[int], Any], count: int) -> SecureFunction:
    samples = [(model.params, make(seed)) for seed in range(1, count + 1)]
    return spu_ditto.compile(model.apply, fraction_bits=model.fraction_bits, calibration=samples)


def passes(model: models.Model, make: Callable[[int], Any], with_samples: bool) -> None:
    """Whether what is legal is let pass, and the parties then compute it."""
    secure = (
        calibrated(model, make, 4)
        if with_samples
        else spu_ditto.compile(model.apply, fraction_bits=model.fraction_bits)
    )
    with spu_ditto.use_runtime(Simulator(check_ranges=True)):
        result = secure(model.params, make(0))
    expected = np.asarray(model.reference(model.params, make(0)))
    assert np.abs(result - expected).max() <= 0.05 * np.abs(expected).max()


@pytest.mark.parametrize("with_samples", [False, True])
@pytest.mark.parametrize("kind", ["bert", "gpt2", "vit"])
def test_tiny_models_pass(kind: str, with_samples: bool, tmp_path: Path) -> None:
    model = models.load(write_tiny_model(tmp_path, kind), random_weights=True)
    passes(model, lambda seed: model.make_inputs(batch=2, seq_len=16, seed=seed), with_samples)


@pytest.mark.parametrize("with_samples", [False, True])
def test_minilm_passes(with_samples: bool) -> None:
    model = models.load("minilm")
    passes(model, lambda seed: model.make_inputs(batch=1, seq_len=16, seed=seed), with_samples)
