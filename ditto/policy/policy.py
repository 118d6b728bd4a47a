"""Ring policies: which ring a dtype computes in, and how many fraction bits its values have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast, get_args

from xdsl.dialects.builtin import Float16Type, Float32Type, Float64Type, IntegerType
from xdsl.ir import Attribute

from ditto.errors import PolicyError
from ditto.policy.link import LAN, Link
from ditto.policy.plan import Plan, PolicyName, check_fractions

DEFAULT_FRACTIONS: Mapping[str, int] = {"FM32": 8, "FM64": 18}

# What is taken without evidence, by ring. An argument is checked against it when it is shared. The result of a product
# is as wide as SPU's own ring would hold it (with 18 fraction bits below 2^27); a float16 does not go beyond 2^16.
ARGUMENT_BOUND: Mapping[int, float] = {32: 65504.0, 64: 2.0**26}
PRODUCT_BOUND: Mapping[int, float] = {32: 2.0**16, 64: 2.0**27}

# Parameters that feed a dot, and public factors, carry at least this many fraction or significant bits.
PARAMETER_FRACTION, PARAMETER_GAIN = 12, 2
PUBLIC_BITS = 12
# Long tables that are looked up at secret positions: their fraction, and the power of two that bounds their entries.
# Every bit counts as often as the table is long.
LONG_TABLE, TABLE_FRACTION, TABLE_RANGE = 1024, 14, 4
# Parameters of 32-bit rings that feed a dot, where a plan has found room for it.
WEIGHT_FRACTION = 13
# Terms of a sum that is continued in the wide ring.
SUM_TERM_FRACTION = 14
# Finer values are rounded to their ring's fraction when a float becomes an f16.
FINEST_SMALL_FRACTION = 16


class UnknownPolicy(PolicyError, ValueError):
    """A ring policy or field name that does not exist."""


@dataclass(frozen=True)
class Policy:
    """Gives every dtype a ring.

    `ditto`: f16 in 32 bits, f32 in 64. `fm64`: every float in 64 bits, for comparison. A calibrated `plan` gives single
    values scales and ranges of their own. With `guard` the parties check what is claimed of values (pass insert-guard).
    `ranges` are magnitudes that the caller states of arguments, by name. `link` is the network whose rounds are weighed
    against bits.
    """

    name: PolicyName
    fractions: Mapping[str, int] = field(default_factory=lambda: DEFAULT_FRACTIONS)
    plan: Plan | None = None
    guard: bool = True
    ranges: Mapping[str, float] = field(default_factory=dict)
    link: Link = LAN

    def __str__(self) -> str:
        fractions = ", ".join(f"{bits} in {name}" for name, bits in sorted(self.fractions.items()))
        guard, link = "" if self.guard else "; no guard", "" if self.link == LAN else f"; for a {self.link.name}"
        return f"{self.name}; fraction bits: {fractions}{guard}{link}"

    def ring(self, element: Attribute) -> tuple[int, int]:
        """(ring width, fraction of activations) of a builtin element type other than i1.

        Raises TypeError for a type no ring holds.
        """
        match element:
            case Float16Type() if self.name == "ditto":
                return 32, self.fractions["FM32"]
            case Float16Type() | Float32Type() | Float64Type():
                return 64, self.fractions["FM64"]
            case IntegerType() if element.width.data <= 32:
                return 32, 0
            case IntegerType():
                return 64, 0
        raise TypeError(f"no ring holds {element}")

    def parameter_fraction(self, ring: int) -> int:
        """The fraction of a parameter that is multiplied by activations of this ring."""
        return max(PARAMETER_FRACTION, self.fractions[f"FM{ring}"] + (PARAMETER_GAIN if ring == 32 else 0))


def get_policy(name: str, fraction_bits: int | Mapping[str, int] | None = None) -> Policy:
    """A policy by name; `fraction_bits` as SPU takes it: one number for all fields, or a map by field name.

    Raises UnknownPolicy for a name that does not exist, ValueError for fraction bits out of range.
    """
    if name not in get_args(PolicyName):
        raise UnknownPolicy(f"ring policy {name!r} does not exist; choose 'ditto' or 'fm64'")
    fractions = dict(DEFAULT_FRACTIONS)
    if isinstance(fraction_bits, int):
        fractions = dict.fromkeys(fractions, fraction_bits)
    elif isinstance(fraction_bits, Mapping):
        if unknown := set(fraction_bits) - set(fractions):
            raise UnknownPolicy(f"field {sorted(unknown)} does not exist; fraction_bits takes {sorted(fractions)}")
        fractions.update(fraction_bits)
    elif fraction_bits is not None:
        raise ValueError(f'fraction_bits is a whole number, or a map such as {{"FM32": 8}}, not {fraction_bits!r}')
    return Policy(cast(PolicyName, name), check_fractions(fractions))
