"""Tracebacks that end at the caller's line.

The frames of this package are left out of the traceback of an error that it raises on purpose, or that the caller's own
function raises while it is traced, as JAX leaves out its own. JAX's setting counts here too: with
`jax.config.update("jax_traceback_filtering", "off")` (or JAX_TRACEBACK_FILTERING=off) all frames are shown. So they are
where this package fails unexpectedly.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, TracebackType
from typing import ParamSpec, TypeVar

import jax

import ditto
from spu_ditto.errors import DittoError

_FOLDERS = tuple(f"{path}/" for path in (*ditto.__path__, Path(__file__).parent))

_P = ParamSpec("_P")
_R = TypeVar("_R")


def ends_here(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Marks a function that users call: what it raises, they see as raised on their line."""

    @functools.wraps(function)
    def wrapper(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            if getattr(jax.config, "jax_traceback_filtering", None) != "off":
                _filter(error)
            # Without an operand, which would add this frame again.
            raise

    return wrapper


def user_level() -> int:
    """The `stacklevel` with which the caller of this function warns the first caller outside this package."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and _is_ours(frame.f_code):
        frame, level = frame.f_back, level + 1
    return level


def users_place(locations: str) -> str | None:
    """The innermost `file:line` outside this package in the locations of an MLIR operation, as their text has them."""
    # The innermost frame comes first in a call-site chain.
    places = re.findall(r'"([^"]+)":(\d+):\d+', locations)
    return next((f"{file}:{line}" for file, line in places if not file.startswith(_FOLDERS)), None)


def _filter(error: BaseException) -> None:
    innermost = list(_entries(error.__traceback__))[-1:]
    if not isinstance(error, DittoError) and any(_is_ours(entry.tb_frame.f_code) for entry in innermost):
        return
    error.__traceback__ = _without_ours(error.__traceback__)
    cause = error.__cause__
    if cause is not None:
        cause.__traceback__ = _without_ours(cause.__traceback__)
        if cause.__traceback__ is None:
            # An error of this package's own parts, which the words of the one above it tell.
            error.__cause__ = None
    if isinstance(error, DittoError):
        error.__suppress_context__ = True


def _without_ours(traceback: TracebackType | None) -> TracebackType | None:
    kept: TracebackType | None = None
    for entry in reversed([*_entries(traceback)]):
        if not _is_ours(entry.tb_frame.f_code):
            kept = TracebackType(kept, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return kept


def _entries(traceback: TracebackType | None) -> Iterator[TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


def _is_ours(code: CodeType) -> bool:
    return code.co_filename.startswith(_FOLDERS)
