"""Stock Flax models called as they are, from weights and inputs to logits, beside their own float32 results."""

from __future__ import annotations

import numpy as np
import pytest

import spu_ditto
from tests.conformance.flax_models import MODELS, FlaxModel

# Of the greatest output.
RELATIVE_ERROR = 0.01


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_model(model: FlaxModel) -> None:
    expected = np.asarray(model.expected())
    result = np.asarray(spu_ditto.compile(model.function, ring_policy="ditto")(model.loaded.params, *model.inputs))
    assert result.shape == expected.shape
    assert np.max(np.abs(result - expected)) <= RELATIVE_ERROR * np.max(np.abs(expected))
