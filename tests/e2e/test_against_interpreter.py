"""Three parties compute what the plain interpreter of PPHLO does, and send what was declared."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import spu_ditto
from ditto.dialects import pphlo
from ditto.parties.simulator import Simulator
from tests.passes.random_programs import random_inputs, random_module, run
from tests.passes.ring_runs import load, wrong
from tests.passes.test_ring_equivalence import MODELS, TIES, TOLERANCES, model_inputs

PARTIES = Simulator(check_ranges=True)
# What the protocols for GELU and tanh promise, on top of the passes' rounding.
FUNCTION_ERROR = 0.01


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 10**6), policy=st.sampled_from(sorted(TOLERANCES)))
def test_random_programs_send_what_they_declare(seed: int, policy: str) -> None:
    module = random_module(seed)
    inputs = random_inputs(module, seed)
    compiled = spu_ditto.from_pphlo(pphlo.to_text(module), policy)
    try:
        with spu_ditto.use_runtime(PARTIES):
            _, report = compiled.run(*inputs)
    except spu_ditto.RangeError as error:
        # A number beyond the assumed range is reported, not computed.
        assert " is assumed; " in str(error) or " is beyond its dtype " in str(error)
        return
    cost = compiled.cost_analysis()
    declared = cost.offline_bytes, cost.online_bytes, cost.rounds
    assert (report.offline_bytes, report.online_bytes, report.rounds) == declared


@pytest.mark.parametrize("name", sorted(MODELS))
def test_models(name: str) -> None:
    module = load(name)
    inputs = model_inputs(module)
    compiled = spu_ditto.from_pphlo(pphlo.to_text(module))
    with spu_ditto.use_runtime(PARTIES):
        results = compiled(*inputs)
    assert wrong(list(results), run(module, inputs), MODELS[name] + FUNCTION_ERROR) <= TIES
