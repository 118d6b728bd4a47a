"""One root, one class for each thing that goes wrong, whichever package raises it."""

from __future__ import annotations

import pickle

import pytest

import ditto.errors
import spu_ditto
from ditto.dialects.mlir_text import InvalidProgram, UnsupportedOp
from ditto.errors import CompileError, DittoError
from ditto.interpreter import EvaluationError
from ditto.lowering.lower_to_program import WidthError
from ditto.parties.config import ConfigError
from ditto.parties.wire import MalformedMessage
from ditto.policy.plan import InvalidPlan
from ditto.policy.policy import UnknownPolicy


def test_both_packages_have_the_same_errors() -> None:
    names = [name for name, value in vars(ditto.errors).items() if isinstance(value, type)]
    assert len(names) == 8
    for name in names:
        assert getattr(spu_ditto, name) is getattr(ditto.errors, name)
        assert issubclass(getattr(ditto.errors, name), (DittoError, UserWarning))


@pytest.mark.parametrize(
    ("special", "general"),
    [
        (InvalidProgram, spu_ditto.CompileError),
        (EvaluationError, spu_ditto.CompileError),
        (WidthError, spu_ditto.CompileError),
        (UnsupportedOp, spu_ditto.UnsupportedError),
        (InvalidPlan, spu_ditto.PolicyError),
        (UnknownPolicy, spu_ditto.PolicyError),
        (ConfigError, spu_ditto.DittoError),
        (MalformedMessage, spu_ditto.DittoError),
    ],
)
def test_what_a_caller_catches(special: type[Exception], general: type[Exception]) -> None:
    assert issubclass(special, general)


def test_a_compile_error_names_its_place() -> None:
    error = CompileError("ring.mul", "does not fit; use float32", "encoder/0", "model.py:7")
    assert str(error) == "'ring.mul' in layer encoder/0: does not fit; use float32 (model.py:7)"
    error.pass_name = "ranges"
    assert str(error) == "'ring.mul' in layer encoder/0: does not fit; use float32 (model.py:7, pass ranges)"
    assert str(CompileError(None, "is not a saved program")) == "is not a saved program"
    back = pickle.loads(pickle.dumps(error))
    assert (str(back), back.layer, back.pass_name) == (str(error), "encoder/0", "ranges")
