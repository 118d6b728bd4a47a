"""Structures of operations as data: who looks for one writes down the formula.

    MEAN = multiple("share", named("total", made(ring.SumOp, "x")))
    DISTANCES = made(ring.SubOp, "x", through(origin, MEAN))
    if found := match(value, made(ring.SquareOp, DISTANCES)):
        x, share = found["x"], found["share"]

A pattern is one of a value: it looks at the operation that makes the value, and has patterns of the operands. A name
captures a value, and a value stands for itself; where a name comes again, the same value must. Operations with the
trait `Commutative` are matched in both orders.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias, TypeVar

from xdsl.ir import Block, Operation, SSAValue
from xdsl.traits import Commutative

from ditto.analysis.look_through import multiple_of, splat_value

Op = TypeVar("Op", bound=Operation)

# By name, what has been captured: values, and numbers as Python's.
Found: TypeAlias = Mapping[str, Any]
# All ways to match a value, where something is captured already, with what is captured then.
Matcher: TypeAlias = Callable[[SSAValue, Found], Iterator[Found]]
Pattern: TypeAlias = Matcher | str | SSAValue


def every(root: Operation | Block, *kinds: type[Op]) -> list[Op]:
    """The operations of some kinds inside another or a block, in order, as they are now."""
    return [op for op in root.walk() if isinstance(op, kinds)]


def match(what: SSAValue | Operation, pattern: Pattern) -> Found | None:
    """What a pattern captures where it first matches a value, or an operation's one result; None if it does not.

    Where it captures nothing, that is empty: ask `matches`.
    """
    if isinstance(what, Operation):
        return match(what.results[0], pattern) if len(what.results) == 1 else None
    return next(_matcher(pattern)(what, {}), None)


def matches(what: SSAValue | Operation, pattern: Pattern) -> bool:
    """Whether a value, or the one result of an operation, has a pattern."""
    return match(what, pattern) is not None


def _matcher(pattern: Pattern) -> Matcher:
    if callable(pattern):
        return pattern
    return named(pattern, _anything) if isinstance(pattern, str) else same(pattern)


def _anything(value: SSAValue, found: Found) -> Iterator[Found]:
    yield found


def same(wanted: SSAValue) -> Matcher:
    """This very value."""
    return lambda value, found: iter([found] if value is wanted else [])


def named(name: str, pattern: Pattern) -> Matcher:
    """Captures a value that has the pattern."""
    inner = _matcher(pattern)

    def solutions(value: SSAValue, found: Found) -> Iterator[Found]:
        return inner(value, {**found, name: value}) if found.get(name, value) is value else iter(())

    return solutions


def made(kind: type[Operation], *operands: Pattern) -> Matcher:
    """The result of an operation whose first operands have these patterns."""
    inner = [_matcher(operand) for operand in operands]
    commutes = kind.has_trait(Commutative)

    def solutions(value: SSAValue, found: Found) -> Iterator[Found]:
        op = value.owner
        if not isinstance(op, kind) or len(op.operands) < len(inner):
            return
        yield from _all(inner, list(op.operands), found)
        if commutes:
            yield from _all(inner, list(op.operands)[::-1], found)

    return solutions


def _all(patterns: list[Matcher], values: list[SSAValue], found: Found) -> Iterator[Found]:
    if not patterns:
        yield found
        return
    for first in patterns[0](values[0], found):
        yield from _all(patterns[1:], values[1:], first)


def through(look: Callable[[SSAValue], SSAValue], pattern: Pattern) -> Matcher:
    """What lies behind a value has the pattern; `look` is a function of `look_through`, such as `origin`."""
    inner = _matcher(pattern)
    return lambda value, found: inner(look(value), found)


def multiple(factor: str, pattern: Pattern) -> Matcher:
    """A public multiple of what has the pattern, the factor captured."""
    inner = _matcher(pattern)

    def solutions(value: SSAValue, found: Found) -> Iterator[Found]:
        source, number = multiple_of(value)
        return inner(source, {**found, factor: number})

    return solutions


def number(wanted: str | float) -> Matcher:
    """A constant with one number for all elements: this one, or any, which is captured."""

    def solutions(value: SSAValue, found: Found) -> Iterator[Found]:
        if (known := splat_value(value)) is None:
            return
        if not isinstance(wanted, str):
            yield from [found] if known == wanted else []
        elif found.get(wanted, known) == known:
            yield {**found, wanted: known.item()}

    return solutions


def either(*patterns: Pattern) -> Matcher:
    """One pattern or another, the earlier ones first."""
    inner = [_matcher(pattern) for pattern in patterns]
    return lambda value, found: (solution for matches in inner for solution in matches(value, found))
