"""Every family and task among three simulated parties, from a directory, within 1 % of float32."""

from __future__ import annotations

import numpy as np
import pytest

import spu_ditto
from spu_ditto import models
from tests.nn.directories import NAMES, Directory

# The networks of bert-sequence, in other files.
OTHER_FILES = {"bert-bin", "bert-half", "bert-sharded"}
# Rows of 16 numbers average little: with 8 bits of fraction, as Ditto has it for BERT, some are 2 % off.
FRACTION_BITS = {"FM32": 14, "FM64": 18}


@pytest.mark.parametrize("name", [name for name in NAMES if name not in OTHER_FILES])
def test_secure(name: str) -> None:
    directory = Directory(name)
    model = models.load(directory.path)
    secure = spu_ditto.compile(model.apply, fraction_bits=FRACTION_BITS)
    result = directory.seen(secure(model.params, directory.inputs), model.task)
    expected = directory.seen(directory.expected(model.task), model.task)
    assert np.max(np.abs(result - expected)) < 0.01 * np.max(np.abs(expected))
