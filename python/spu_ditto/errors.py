"""The errors of this package, which are those of the compiler beneath it."""

from ditto.errors import (
    CompileError,
    DittoError,
    PolicyError,
    RangeError,
    RuntimeFailure,
    ShapeError,
    ShapeWarning,
    UnsupportedError,
)

__all__ = [
    "CompileError",
    "DittoError",
    "PolicyError",
    "RangeError",
    "RuntimeFailure",
    "ShapeError",
    "ShapeWarning",
    "UnsupportedError",
]
