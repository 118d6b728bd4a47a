"""SPU's own ways to run programs, on the parties of this project: `ppd` and `sim_jax`."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import spu

import spu_ditto
from spu_ditto import ppd, simulation

# As SPU's examples have it; nothing listens there.
NODES = {f"node:{n}": f"127.0.0.1:6192{n}" for n in range(5)}
DEVICES: dict[str, Any] = {
    "SPU": {
        "kind": "SPU",
        "config": {
            "node_ids": ["node:0", "node:1", "node:2"],
            "spu_internal_addrs": [f"127.0.0.1:6193{n}" for n in range(3)],
            "runtime_config": {"protocol": "ABY3", "field": "FM64"},
        },
    },
    "P1": {"kind": "PYU", "config": {"node_id": "node:3"}},
    "P2": {"kind": "PYU", "config": {"node_id": "node:4"}},
}


@pytest.fixture(scope="module", autouse=True)
def session() -> Iterator[None]:
    with pytest.warns(UserWarning, match="three processes on this machine take the place"):
        ppd.init(NODES, DEVICES)
    yield
    ppd.close()


def test_owners_meet_on_the_parties() -> None:
    rng = np.random.default_rng(0)

    @ppd.device("P1")
    def from_alice() -> Any:
        return rng.integers(100, size=(4,))

    @ppd.device("P2")
    def from_bob() -> Any:
        return rng.integers(100, size=(4,))

    x, y = from_alice(), from_bob()
    z = ppd.device("SPU")(jnp.maximum)(x, y)
    assert isinstance(z, ppd.SPU.Object) and (z.shape, z.dtype) == ((4,), np.int32)
    assert "object on SPU" in repr(z) and "P1" in repr(x)
    first, second, largest = ppd.get((x, y, z))
    np.testing.assert_array_equal(largest, np.maximum(first, second))


def test_training_stays_shared_and_is_saved() -> None:
    data = np.random.default_rng(1).normal(size=(40, 4)).astype(np.float32)
    x1, y = ppd.device("P1")(lambda d: (d[:, :2], d @ jnp.array([1.0, 2.0, -1.0, 0.5])))(data)
    x2 = ppd.device("P2")(lambda d: d[:, 2:])(data)
    assert x1.shape == (40, 2)

    def step(number: int, state: Any, x1: Any, x2: Any, y: Any, rate: float = 0.1) -> Any:
        x = jnp.concatenate((x1, x2), axis=1)
        return {"w": state["w"] - rate * jax.grad(lambda w: jnp.mean((x @ w - y) ** 2))(state["w"])}

    state: Any = {"w": np.zeros(4, np.float32)}
    plain: Any = state
    for number in range(4):
        state = ppd.device("SPU")(step)(number, state, x1, x2, y, rate=0.2)
        assert isinstance(state["w"]._value, spu_ditto.KeptArray)
        plain = step(number, plain, data[:, :2], data[:, 2:], ppd.get(y), 0.2)
    meta = pickle.loads(pickle.dumps(ppd.save(state)))
    np.testing.assert_allclose(ppd.get(ppd.load(meta))["w"], plain["w"], atol=2e-3)
    doubled = ppd.device("P1")(lambda s: s["w"] * 2)(state)
    np.testing.assert_allclose(ppd.get(doubled), 2 * plain["w"], atol=4e-3)
    assert "pphlo.dot" in ppd.device("SPU")(step).dump_ir(0, state, x1, x2, y)


def test_what_the_program_passes_itself_is_public() -> None:
    fill = ppd.device("SPU")(lambda n, value, x: jnp.full((n,), value) + x[:n], static_argnums=(0,), copts=object())
    x = ppd.device("P1")(lambda: np.arange(5, dtype=np.float32))()
    np.testing.assert_allclose(ppd.get(fill(3, 2.5, x)), [2.5, 3.5, 4.5], atol=1e-4)
    public = ppd.device("SPU")(lambda x: x + 1)(np.ones(2, np.float32))
    np.testing.assert_allclose(ppd.get(public), [2, 2])


def test_calls_are_taken_as_the_function_takes_them() -> None:
    x = ppd.device("P1")(lambda: np.ones(2, np.float32))()
    power = lambda x, n=2: x**n  # noqa: E731
    for calls in ((x,), (x, 3)):
        for static in ((1,), -1):
            np.testing.assert_allclose(
                ppd.get(ppd.device("SPU")(power, static_argnums=static)(*calls)), [1, 1], atol=1e-3
            )
    np.testing.assert_allclose(ppd.get(ppd.device("SPU")(power, static_argnames="n")(x, n=3)), [1, 1], atol=1e-3)
    named = ppd.device("SPU")(lambda y, keep, exact: y * keep + exact)
    np.testing.assert_allclose(ppd.get(named(x, keep=x, exact=1.5)), [2.5, 2.5], atol=1e-3)
    rest = ppd.device("SPU")(lambda *a, k=1: a[0][a[1]] * k)
    np.testing.assert_allclose(ppd.get(rest(x, np.array([1]), k=2.0)), [2], atol=1e-3)
    with pytest.raises(spu_ditto.PolicyError, match="leave input_visibility out"):
        ppd.device("SPU")(power, input_visibility="secret")


def test_programs_of_other_plans_are_other_programs() -> None:
    x = np.full(4, 1.5, np.float32)
    plans = [spu_ditto.compile(jnp.square, calibration=[(s * x,)]).lower(x).plan for s in (1, 100)]
    first, second = (ppd.device("SPU")(jnp.square, ring_policy=plan) for plan in plans)
    large = ppd.device("P1")(lambda: 50 * x)()
    with pytest.raises(spu_ditto.RangeError):
        first(large)
    np.testing.assert_allclose(ppd.get(second(large)), (50 * x) ** 2, rtol=1e-2)


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(ppd.DeviceError, match="there is no device 'P3'; there are SPU, P1, P2"):
        ppd.device("P3")
    with pytest.raises(spu_ditto.UnsupportedError, match="written in JAX, not in EXP_TF"):
        ppd.init(NODES, DEVICES, framework=ppd.Framework.EXP_TF)
    with pytest.raises(spu_ditto.UnsupportedError, match="owner's device cannot be saved"):
        ppd.save(ppd.device("P1")(lambda: 1)())
    with pytest.raises(spu_ditto.RuntimeFailure, match="was not saved in this session"):
        ppd.load({"spu_object": 1, "experimental_filename": "elsewhere"})


def test_simulations_take_spu_s_simulator() -> None:
    sim = simulation.Simulator.simple(3, spu.ProtocolKind.ABY3, spu.FieldType.FM64)
    x, y = np.array([[1, 2], [3, 4]]), np.array([[5, 6], [7, 8]])
    added = simulation.sim_jax(sim, jnp.add)
    np.testing.assert_array_equal(added(x, y), x + y)
    assert "pphlo.add" in added.pphlo
    power = simulation.sim_jax(spu_ditto.Simulator(), lambda n, x: x**n, static_argnums=(0,), ring_policy="fm64")
    np.testing.assert_allclose(power(2, np.array([1.5, 3], np.float32)), [2.25, 9], atol=1e-3)
    with pytest.raises(spu_ditto.UnsupportedError, match="a simulator of 3 parties"):
        simulation.sim_jax(simulation.Simulator.simple(2, spu.ProtocolKind.SEMI2K, spu.FieldType.FM64), jnp.add)


def test_spu_s_caches_are_the_values_themselves() -> None:
    w, x = np.ones(3, np.float32), np.arange(12, dtype=np.float32).reshape(4, 3) / 10

    def loss(w: Any, x: Any) -> Any:
        cached = spu.experimental.make_cached_var(w)
        squares = (x @ cached) ** 2
        spu.experimental.drop_cached_var(cached, squares)
        return jnp.mean(squares)

    def returned(w: Any, x: Any) -> Any:
        cached = spu.experimental.make_cached_var(w)
        return spu.experimental.drop_cached_var(cached, x @ cached) + 1

    gradient = spu_ditto.compile(lambda w, x: jax.grad(loss)(w, x))(w, x)
    np.testing.assert_allclose(gradient, jax.grad(lambda w: jnp.mean((x @ w) ** 2))(w), atol=1e-3)
    np.testing.assert_allclose(spu_ditto.compile(returned)(w, x), w + 1, atol=1e-4)
