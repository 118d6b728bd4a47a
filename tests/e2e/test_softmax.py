"""Softmax over rows of every length, with the entries that break softmaxes."""

import jax
import numpy as np
import pytest

import spu_ditto

LENGTHS = (1, 2, 7, 128, 512, 4096)


def rows(length: int) -> np.ndarray:
    rng = np.random.default_rng(length)
    equal = np.full(length, 3.25)
    usual = rng.normal(0, 2, length)
    huge = np.where(np.arange(length) == length // 2, 900.0, rng.uniform(-900, -300, length))
    masked = np.where(np.arange(length) < (length + 1) // 2, usual, -1000.0)
    return np.stack([equal, usual, huge, masked]).astype(np.float32)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_rows(length: int, dtype: str) -> None:
    x = rows(length)

    def softmax(x: jax.Array) -> jax.Array:
        return jax.nn.softmax(x.astype(dtype)).astype("float32")

    secure = np.asarray(spu_ditto.compile(softmax)(x))
    exact = np.asarray(jax.nn.softmax(x))
    # Long rows leave fewer bits for one entry, so that their sum fits; a float16 result has 8 fraction bits.
    bound = 2**-9 if length <= 128 and dtype == "float32" else 2**-7
    assert np.abs(secure - exact).max() < bound
    assert np.abs(secure.sum(-1) - 1).max() < 0.02
    assert (secure >= -(2**-12)).all()


def test_a_fully_masked_row_is_uniform() -> None:
    x = np.full((2, 16), -np.inf, np.float32)
    x[1, :4] = 0

    def masked_softmax(x: jax.Array, mask: np.ndarray) -> jax.Array:
        return jax.nn.softmax(jax.numpy.where(mask, x, -np.inf))

    mask = np.isfinite(x)
    secure = np.asarray(spu_ditto.compile(masked_softmax)(np.zeros_like(x), mask))
    assert np.abs(secure[0] - 1 / 16).max() < 2**-9
    assert np.abs(secure[1, :4] - 1 / 4).max() < 2**-9 and np.abs(secure[1, 4:]).max() < 2**-9


def test_an_exact_run_costs_what_its_program_declares() -> None:
    x = rows(128)
    compiled = spu_ditto.compile(jax.nn.softmax).lower(x).compile()
    plain, before = compiled.run(x)
    secure, after = compiled.run(x, exact=True)
    assert np.abs(np.asarray(secure) - np.asarray(jax.nn.softmax(x))).max() < 2**-7
    assert np.abs(np.asarray(secure) - np.asarray(plain)).max() < 2**-7
    assert after.rounds - before.rounds == 3
    assert sum(after.sent) > sum(before.sent)
