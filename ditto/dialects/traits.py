"""What an operation is, in the words in which passes ask for it: `op.has_trait(Moves)`.

Each is said once, where the operation is defined; a new operation says what it is and every pass knows it.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.traits import OpTrait

# ------------------------------------------------------------------------------------------------ signs


class NonNegative(OpTrait):
    """No element of the result is below zero."""


class KeepsNonNegative(OpTrait):
    """No element of the result is below zero where no element of an operand is."""


# ------------------------------------------------------------------------------------------------ elements


class Constant(OpTrait):
    """Numbers that stand in the program (`numpy`): everybody knows them."""


class Elementwise(OpTrait):
    """An element of the result depends on the operands' elements at the same place (and on scalars) alone."""


class Moves(KeepsNonNegative):
    """An element of the result is an element of an operand or a constant one; the operation fixes which."""


class Rearranges(Moves):
    """All elements of the one operand and no others, in other places, perhaps repeated."""


class Reshapes(Rearranges):
    """The elements of the one operand in the same row-major order."""


class InsertsZeros(OpTrait):
    """Zeros may stand beside the elements of the operand, or in their place."""


class Chooses(KeepsNonNegative):
    """An element of the result is an element of an operand; a secret decides which."""


# ------------------------------------------------------------------------------------------------ numbers


class Rescales(Elementwise, KeepsNonNegative):
    """The operand's numbers, rounded at most, in another dtype or ring, or with another fraction."""


class TimesPowerOfTwo(Elementwise, KeepsNonNegative):
    """The operand's numbers times a power of two, for free."""


class Linear(Elementwise):
    """Sums and differences of the operands, public ones included, and negatives."""


class Adds(Linear):
    """The sum or difference of two operands."""


class Sums(KeepsNonNegative):
    """Sums of the one operand's elements."""


class Multiplies(OpTrait):
    """Products of the operands' elements."""


class Dot(Multiplies):
    """Sums of products: a matrix product, a convolution."""


class Divides(OpTrait):
    """The first operand divided by the second."""


class Transcendental(OpTrait):
    """A real function that no finite number of sums and products is."""


class RealFunction(Elementwise):
    """A real function into a ring and fraction of its own, by a protocol that may widen its operand."""


# ------------------------------------------------------------------------------------------------ rings


class Local(OpTrait):
    """Every party computes its part from what it holds, without a message."""


class KeepsRing(OpTrait):
    """Secret numbers among the operands are in the ring of the result."""


class Truncates(OpTrait):
    """The result is shifted right by `shift`: operands have `shift` bits more."""


class Floors(Truncates):
    """The result is the integer below the operand's after the shift, exactly: no rounding is its protocol's own."""


class Narrows(OpTrait):
    """The operand modulo a smaller power of two."""


# ------------------------------------------------------------------------------------------------ ranges


class Outgrows(OpTrait):
    """By its operands' ranges the result may be far larger than it ever is: less is claimed of it without evidence."""


class Orders(OpTrait):
    """Of the operand's elements, nothing but their signs or their order counts."""


@dataclass(frozen=True)
class Compares(OpTrait):
    """Looks at so many low bits of its first operand as an attribute says, which must hold every value."""

    attribute: str = "bits"


class ComparesElements(Compares):
    """Looks at differences of the operand's elements."""


@dataclass(frozen=True)
class ComparesThresholds(Compares):
    """Looks at differences of the operand's elements and constants that are `below` something."""

    below: float = 4.0


# Units by which sums and products of a few numbers are rounded.
ROUNDINGS = 4


@dataclass(frozen=True)
class TakesPositive(OpTrait):
    """Defined for 2^lo <= x < 2^hi of its last operand; lo and hi are attributes. With `zero`, for 0 <= x < 2^hi, and
    what is below zero by a few units is taken for zero: what is not negative may have been rounded to that.

    `what` is what the last operand is called.
    """

    zero: bool = False
    what: str = "the operand"

    def least(self, lo: int | None, fraction: int) -> int:
        """The least operand, in units of its fraction; it is a unit at least where zero is not taken."""
        if self.zero or lo is None:
            return -ROUNDINGS if fraction else 0
        return 1 << max(0, lo + fraction)


class TakesBelow(OpTrait):
    """An exponential, of what is not above the attribute hi."""
