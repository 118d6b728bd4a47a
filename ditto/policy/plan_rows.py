"""The rows of a calibrated plan: scales and ranges of single values, and rules about many of them.

Annotations are what a plan's file is checked against, and what its JSON schema says.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import ConfigDict, Field

# Nothing else than what is named, and of the type that is named.
STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
# No ring holds as much.
_MOST = 1e60

_Place = Annotated[str, Field(description='Where the value is: "arg3" is an argument, "17" operation 17.')]
_Op = Annotated[str, Field(description='What makes the value, such as "ring.matmul"; "argument".')]
_Layer = Annotated[str | None, Field(description="The layer of the model, as parameters' paths tell it.")]
_Seen = Annotated[float, Field(ge=0, lt=_MOST, description="The largest magnitude that the samples showed.")]
_Bound = Annotated[float, Field(gt=0, lt=_MOST, description="The magnitude that the value stays below.")]
_Fraction = Annotated[int, Field(ge=0, le=24, description="Bits below the point.")]
_Variance = Annotated[float, Field(ge=0, lt=_MOST)]


@dataclass(frozen=True)
class Scale:
    """The scale of one f16 value of the PPHLO program."""

    __pydantic_config__ = STRICT

    place: _Place
    op: _Op
    layer: _Layer
    seen: _Seen
    fraction: _Fraction


@dataclass(frozen=True)
class Range:
    """What one value of the ring program was seen to be; without a `bound`, `headroom` times that is its bound."""

    __pydantic_config__ = STRICT

    place: _Place
    op: _Op
    layer: _Layer
    ring: Annotated[str, Field(description="The ring in which it was seen: fxp<width, fraction bits>.")]
    seen: _Seen
    bound: _Bound | None = None
    variances: (
        Annotated[
            tuple[_Variance, _Variance],
            Field(description="Of a normalisation: the least and the greatest variance of its rows."),
        ]
        | None
    ) = None


@dataclass(frozen=True)
class Rule:
    """What holds of all rows whose layer and operation match: a bound of ranges, a fraction of scales, or both.

    Patterns are those of shells (`*`, `?`, `[ab]`); a row without a layer matches as the empty text.
    """

    __pydantic_config__ = STRICT

    layer: Annotated[str, Field(description='A pattern of layers, such as "encoder/layer/*".')] = "*"
    op: Annotated[str, Field(description='A pattern of operations, such as "ring.mat*" or "pphlo.dot*".')] = "*"
    bound: _Bound | None = None
    fraction: _Fraction | None = None

    def __post_init__(self) -> None:
        if self.bound is None and self.fraction is None:
            raise ValueError("a rule states a bound, a fraction, or both")

    def matches(self, row: Scale | Range) -> bool:
        """Whether it is about a row."""
        return fnmatchcase(row.layer or "", self.layer) and fnmatchcase(row.op, self.op)


def idle(rules: Sequence[Rule], scales: Sequence[Scale], ranges: Sequence[Range]) -> Iterator[str]:
    """What rules state in vain, as no row matches."""
    for n, rule in enumerate(rules):
        for name, rows, states in (("bound", ranges, rule.bound), ("fraction", scales, rule.fraction)):
            if states is not None and not any(map(rule.matches, rows)):
                kind = "ranges" if name == "bound" else "scales"
                yield (
                    f"rules[{n}].{name}: no row of {kind} has a layer like {rule.layer!r} and an op like {rule.op!r}: "
                    "mend the patterns, or remove it"
                )


def bound_of(seen: float, headroom: float) -> float:
    """The least power of two that is `headroom` times a magnitude."""
    return 2.0 ** math.ceil(math.log2(max(seen, 2.0**-20) * headroom))
