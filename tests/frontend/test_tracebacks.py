"""What a user sees of an error: its own lines, unless it asks for all."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import spu

import spu_ditto
from spu_ditto import stages

X = np.ones((2, 3), np.float32)


def wrong(x: Any) -> Any:
    return x @ x  # shapes differ


def _secure(fn: Callable[..., Any] = jnp.exp, **options: Any) -> Any:
    return spu.compile(fn, ring_policy="ditto", **options)


COMPILED = _secure().lower(X).compile()
CALLS: dict[str, Callable[[], Any]] = {
    "a policy": lambda: spu.compile(wrong, ring_policy="fm128"),
    "a plan": lambda: spu.compile(wrong, ring_policy="absent.json"),
    "an option": lambda: spu.compile(wrong, ring_policy="ditto", fractions=3),
    "no policy": lambda: spu.compile(wrong),
    "an operation": lambda: _secure(jnp.fft.fft)(X),
    "a range": lambda: _secure()(np.float32(np.nan)),
    "an argument": lambda: _secure()("text"),
    "a shape": lambda: COMPILED(X[:1]),
    "a dialect": lambda: _secure().lower(X).as_text("llvm"),
    "SPU's refusal": lambda: spu_ditto.from_pphlo("module {"),
    "a file": lambda: spu_ditto.load(__file__),
}


def _frames(call: Callable[[], Any]) -> tuple[BaseException, list[str]]:
    try:
        call()
    except Exception as error:
        return error, [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    raise AssertionError("nothing was raised")


@pytest.mark.parametrize("name", CALLS)
def test_the_traceback_ends_at_the_callers_line(name: str) -> None:
    error, files = _frames(CALLS[name])
    assert set(files) == {__file__}
    assert isinstance(error, spu_ditto.DittoError)
    text = "".join(traceback.format_exception(error))
    assert "spu_ditto/" not in text and "ditto/passes" not in text


def test_an_error_of_the_users_function_ends_there() -> None:
    error, files = _frames(lambda: _secure(wrong)(X))
    assert isinstance(error, TypeError) and not isinstance(error, spu_ditto.DittoError)
    lines = traceback.extract_tb(error.__traceback__)
    assert any(line.name == "wrong" for line in lines)
    assert not any("/spu_ditto/" in file for file in files)


def test_all_frames_are_shown_when_jax_shall_show_its_own() -> None:
    before = jax.config.jax_traceback_filtering
    jax.config.update("jax_traceback_filtering", "off")
    try:
        _, files = _frames(CALLS["a policy"])
    finally:
        jax.config.update("jax_traceback_filtering", before)
    assert files[-1].endswith("spu_ditto/lowering.py")


def test_what_fails_inside_unexpectedly_is_shown_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    # As if the mistake were in the package itself.
    namespace: dict[str, Any] = {"__name__": stages.__name__}
    exec(compile("def fail(*_, **__):\n    raise AssertionError('a mistake')", stages.__file__, "exec"), namespace)
    monkeypatch.setattr(stages, "to_stablehlo", namespace["fail"])
    _, files = _frames(lambda: _secure()(X))
    assert files[-1] == stages.__file__ and len(files) > 3


def test_a_captured_array_is_told_once_at_the_callers_line() -> None:
    weights = np.arange(20, dtype=np.float32).reshape(10, 2)
    secure = _secure(lambda x: x @ weights)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for rows in (1, 2):
            secure.lower(np.ones((rows, 10), np.float32))
    [warning] = told
    assert "captured an array of 20 numbers" in str(warning.message) and warning.filename == __file__
