"""What can go wrong before three parties start, one class each. Every message names the place and the remedy."""

from __future__ import annotations


class DittoError(Exception):
    """Base of every error this package raises on purpose."""


class UnsupportedError(DittoError):
    """The function uses an operation, dtype or control flow that cannot run on shares."""


class ShapeError(DittoError):
    """A shape is dynamic, or the arguments of a call differ from those the program was lowered for."""


class RangeError(DittoError):
    """A value does not fit: an argument's the ring its type was given, or one inside the range the program assumes."""


class PolicyError(DittoError):
    """The ring policy does not exist."""


class CompileError(DittoError):
    """A compiler (SPU's or ours) refused the program or died."""


class RuntimeFailure(DittoError):
    """A party failed while running a program."""
