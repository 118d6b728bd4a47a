"""Ring programs compute what the PPHLO they come from computes, after every pass, to within their rounding."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import ModuleOp

from ditto.dialects import pphlo
from ditto.dialects.dense import Array
from ditto.errors import RangeError
from ditto.interpreter import function_named
from ditto.policy.policy import get_policy
from tests.passes.random_programs import random_inputs, random_module, run
from tests.passes.ring_runs import after_ring_passes, load, wrong

# 8 fraction bits, and programs that chain a few dozen roundings; 18 are a thousand times finer.
TOLERANCES = {"ditto": 2e-2, "fm64": 5e-3}
# A comparison of two numbers that are equal but for rounding may go either way.
TIES = 0.05


@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 10**6), policy=st.sampled_from(sorted(TOLERANCES)))
def test_random_programs(seed: int, policy: str) -> None:
    module = random_module(seed)
    inputs = random_inputs(module, seed)
    expected = run(module, inputs)
    try:
        for name, results in after_ring_passes(module, get_policy(policy), inputs):
            assert wrong(results, expected, TOLERANCES[policy]) <= TIES, name
    except RangeError:
        # A number beyond the assumed range is reported, not computed.
        pass


def model_inputs(module: ModuleOp) -> list[Array]:
    """Weights as networks have them: small where they are matrices, near one where they scale."""
    rng = np.random.default_rng(0)
    inputs: list[Array] = []
    for argument in function_named(module, "main").body.block.args:
        dtype, shape = pphlo.dtype_of(pphlo.element_type(argument.type)), pphlo.shape_of(argument)
        if dtype.kind == "f":
            scale = 1 / np.sqrt(shape[0]) if len(shape) == 2 else 0.3
            inputs.append((scale * rng.standard_normal(shape)).astype(dtype))
        else:
            inputs.append(rng.integers(0, 4, shape).astype(dtype))
    return inputs


MODELS = {
    "bert_f16": 0.02,
    "bert_f16_whole": 0.02,
    "bert_f32": 1e-3,
    "gpt2_f16": 0.02,
    "gpt2_f32": 1e-3,
    "vit_f16": 0.02,
    "vit_f32": 1e-3,
    "layer_norm": 1e-3,
    "dot_softmax_dot": 0.02,
    "gelu_erf_f16": 0.01,
    "gelu_erf_f32": 1e-3,
    "gelu_tanh_f16": 0.01,
    "gelu_tanh_f32": 1e-3,
    "movement": 1e-3,
    "loop": 1e-3,
    "public_mask": 1e-3,
}


@pytest.mark.parametrize("policy", ["ditto", "fm64"])
@pytest.mark.parametrize("name", MODELS)
def test_real_programs(name: str, policy: str) -> None:
    module = load(name)
    inputs = model_inputs(module)
    expected = run(module, inputs)
    for done, results in after_ring_passes(module, get_policy(policy), inputs):
        assert wrong(results, expected, MODELS[name]) == 0, done
