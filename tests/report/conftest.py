"""A small network of two precisions: two float16 layers with a GELU, then a float32 softmax."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import spu_ditto


class Network:
    """The function, its arguments, and one compiled program and run of it for all tests of a module."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        weights = [rng.normal(0, 0.3, shape).astype(np.float16) for shape in ((8, 16), (16, 16), (16, 4))]
        self.params = {"mlp": {"0": {"w": weights[0]}, "1": {"w": weights[1]}}, "head": {"out": {"w": weights[2]}}}
        self.x = rng.normal(0, 1, (4, 8)).astype(np.float16)
        self.compiled = spu_ditto.compile(self.apply).lower(self.params, self.x).compile()
        self.result, self.run = self.compiled.run(self.params, self.x)

    @staticmethod
    def apply(params: Any, x: Any) -> Any:
        """[batch, 8] to probabilities [batch, 4]."""
        hidden = jax.nn.gelu(x @ params["mlp"]["0"]["w"], approximate=False)
        hidden = jax.nn.gelu(hidden @ params["mlp"]["1"]["w"], approximate=False)
        return jax.nn.softmax((hidden @ params["head"]["out"]["w"]).astype(jnp.float32))


@pytest.fixture(scope="module")
def network() -> Network:
    return Network()
