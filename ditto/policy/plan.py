"""A calibrated plan: which magnitudes the values of one program had on sample inputs, and the scales chosen from them.

It is plain JSON, to be read and edited: `fraction` (bits below the point) of every f16 value and f16 parameter whose
scale was chosen, and for every ring value the largest magnitude `seen`. What is taken for granted of that value is
`headroom` times as much, or the `bound` that its row or a rule states.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, from_json
from xdsl.ir import Block, Operation, SSAValue

from ditto.errors import PolicyError
from ditto.policy.plan_rows import STRICT, Range, Rule, Scale, bound_of, idle

FORMAT, VERSION = "ditto-plan", 3
# What files name as theirs; it lies beside this module (tools/write_plan_schema.py).
SCHEMA = "plan.schema.json"

# Factor between the largest magnitude seen and the bound, which is then rounded up to a power of two.
HEADROOM = 2.0
MOST_HEADROOM = 2.0**20

PolicyName = Literal["ditto", "fm64"]
FRACTION_LIMITS: Mapping[str, tuple[int, int]] = {"FM32": (4, 16), "FM64": (4, 24)}

# Of a file with many mistakes so many are told.
_TOLD = 10


class InvalidPlan(PolicyError, ValueError):
    """A file or text that is no plan, or one of another program; names the path in it and the remedy."""


def check_fractions(fractions: Mapping[str, int]) -> Mapping[str, int]:
    """The fraction bits of activations by field, as they were given. Raises ValueError if they are none."""
    if set(fractions) != set(FRACTION_LIMITS):
        raise ValueError(f"fraction bits are those of {sorted(FRACTION_LIMITS)}, not of {sorted(fractions)}")
    for name, (least, most) in FRACTION_LIMITS.items():
        bits = fractions[name]
        if not isinstance(bits, int) or isinstance(bits, bool):
            raise ValueError(f"the fraction bits of {name} are a whole number within {least}..{most}, not {bits!r}")
        if not least <= bits <= most:
            raise ValueError(f"{bits} fraction bits for {name} are not within {least}..{most}")
    return fractions


_Row = TypeVar("_Row", Scale, Range)


@dataclass(frozen=True)
class Plan:
    """Scales and ranges of one program, from `spu_ditto.compile(..., calibration=...)`.

    The largest magnitudes of the parameters are in it: do not publish it if they are secret. A bound is evidence from
    `samples` samples, `headroom` times what they showed, not proof: the guard refuses runs that exceed it. `rules`
    state bounds and fractions of many rows; they prevail over rows, and later ones over earlier ones. `arguments` are
    the shapes of the samples.

    Raises:
        InvalidPlan: a rule is about nothing; names it.
    """

    __pydantic_config__ = STRICT

    policy: Annotated[PolicyName, Field(description="The ring policy that was calibrated.")]
    fraction_bits: Annotated[
        Mapping[str, int],
        AfterValidator(check_fractions),
        Field(description="Bits below the point of activations without a scale, by ring."),
    ]
    headroom: Annotated[
        float,
        Field(ge=1, lt=MOST_HEADROOM, description="A bound is so many times what was seen, up to a power of two."),
    ] = HEADROOM
    samples: Annotated[int, Field(ge=0, description="How many samples there were.")] = 0
    arguments: Annotated[
        Mapping[str, tuple[int, ...]], Field(description="The shapes of the samples' arrays, by name.")
    ] = field(default_factory=dict, repr=False)
    rules: Annotated[
        tuple[Rule, ...], Field(description="What holds of many rows; the last that matches prevails.")
    ] = field(default=(), repr=False)
    scales: Annotated[tuple[Scale, ...], Field(description="Of values of the PPHLO program.")] = field(
        default=(), repr=False
    )
    ranges: Annotated[tuple[Range, ...], Field(description="Of values of the ring program.")] = field(
        default=(), repr=False
    )

    def __post_init__(self) -> None:
        if found := list(idle(self.rules, self.scales, self.ranges)):
            raise InvalidPlan("\n".join(found))

    def stated_bound(self, row: Range) -> float | None:
        """The bound that a rule or a row itself states; None if it follows from what was seen."""
        stated = [rule.bound for rule in self.rules if rule.bound is not None and rule.matches(row)]
        return stated[-1] if stated else row.bound

    def bound(self, row: Range) -> float:
        """What the magnitude of a row's value is taken to stay below."""
        stated = self.stated_bound(row)
        return bound_of(row.seen, self.headroom) if stated is None else stated

    def fraction(self, row: Scale) -> int:
        """The bits below the point of a row's value."""
        stated = [rule.fraction for rule in self.rules if rule.fraction is not None and rule.matches(row)]
        return stated[-1] if stated else row.fraction

    @property
    def evidence(self) -> str:
        """What it is made from, in words."""
        return f"{self.samples} sample{'' if self.samples == 1 else 's'}, headroom {self.headroom:g}"

    def fractions(self, block: Block) -> dict[SSAValue, int]:
        """The fraction chosen for each of the values of a PPHLO function's block. Raises InvalidPlan."""
        return {value: self.fraction(row) for value, row in _matched(block, self.scales)}

    def ranges_in(self, block: Block) -> dict[SSAValue, Range]:
        """The row of each value of a ring function's block that has one. Raises InvalidPlan."""
        return dict(_matched(block, self.ranges))

    def variances(self, row: Range) -> tuple[float, float] | None:
        """Between which variances the rows of a normalisation lie, headroom included."""
        factor = self.headroom**2
        return row.variances and (row.variances[0] / factor, row.variances[1] * factor)

    def other_shapes(self, arguments: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
        """The shapes in the samples of those arguments that have others now."""
        return {
            name: self.arguments[name]
            for name, shape in arguments.items()
            if name in self.arguments and self.arguments[name] != shape
        }

    def to_json(self) -> str:
        """The plan as text, a row a line."""
        content = {"$schema": SCHEMA, "format": FORMAT, "version": VERSION, **asdict(self)}
        tables = {name: content.pop(name) for name in ("rules", "scales", "ranges")}
        parts = [f' "{name}": {json.dumps(value)}' for name, value in content.items()]
        for name, rows in tables.items():
            lines = ",\n  ".join(
                json.dumps({k: v for k, v in row.items() if v is not None or k == "layer"}) for row in rows
            )
            parts.append(f' "{name}": [\n  {lines}\n ]' if rows else f' "{name}": []')
        return "{\n" + ",\n".join(parts) + "\n}\n"

    def save(self, path: str | Path) -> None:
        """Writes the plan to a file."""
        Path(path).write_text(self.to_json())

    @staticmethod
    def from_json(text: str | bytes, name: str = "the plan") -> Plan:
        """The inverse of `to_json`.

        Args:
            name: what errors call the text.

        Raises:
            InvalidPlan: it is no plan; names the paths in it.
        """
        try:
            head = from_json(text)
        except ValueError as error:
            raise InvalidPlan(f"{name} is no JSON: {error}; mend it there, or calibrate again") from error
        if not isinstance(head, dict) or head.get("format") != FORMAT:
            raise InvalidPlan(f'{name} is not a plan, whose "format" is "{FORMAT}": save one by Lowered.plan.save')
        if head.get("version") != VERSION:
            raise InvalidPlan(
                f"{name} is of version {head.get('version')!r}, and plans are of version {VERSION} now: calibrate again"
            )
        try:
            file = _FILE.validate_json(text)
        except ValidationError as error:
            told = [f"{name}: {_told(one)}" for one in error.errors()]
            more = [f"{name}: and {len(told) - _TOLD} more"] if len(told) > _TOLD else []
            raise InvalidPlan("\n".join(told[:_TOLD] + more)) from error
        return Plan(**{each.name: getattr(file, each.name) for each in fields(Plan)})

    @staticmethod
    def load(path: str | Path) -> Plan:
        """Reads what `save` wrote. Raises InvalidPlan, or OSError."""
        return Plan.from_json(Path(path).read_bytes(), str(path))


@dataclass(frozen=True, kw_only=True)
class _File(Plan):
    """A plan with what tells its file from others."""

    __pydantic_config__ = STRICT

    schema: Annotated[str, Field(alias="$schema", description="For editors; not read.")] = SCHEMA
    format: Literal["ditto-plan"]
    version: Literal[3]


_FILE = TypeAdapter(_File)


def json_schema() -> dict[str, Any]:
    """The JSON schema of plans' files, which is kept beside this file."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_FILE.json_schema(), "title": "Plan"}


def _told(error: ErrorDetails) -> str:
    """An error of the validation, with the path in the file and what to do."""
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"]).removeprefix(".")
    match error["type"]:
        case "unexpected_keyword_argument":
            return f"{path} is no key of a plan: remove it, or mend its name"
        case "missing":
            return f"{path} is missing: add it, or calibrate again"
        case "value_error":
            # Of a whole plan the error says where.
            return f"{path}: {error['ctx']['error']}" if path else str(error["ctx"]["error"])
    shown = error["input"] if not isinstance(error["input"], dict | list) else "another kind of value"
    return f"{path} is {shown!r}: {error['msg'].replace('Input', 'it', 1)}"


def _matched(block: Block, rows: Sequence[_Row]) -> Iterator[tuple[SSAValue, _Row]]:
    values = {place: value for value, place in places(block).items()}
    for row in rows:
        value = values.get(row.place)
        if value is None or op_name(value) != row.op:
            found = "nothing" if value is None else op_name(value)
            here = f"{row.op} is at {row.place}, and here it is {found}"
            raise InvalidPlan(f"the plan is of another program: {here}; calibrate this one")
        yield value, row


def places(block: Block) -> dict[SSAValue, str]:
    """How a plan names the values of a block: "arg3" is an argument, "17" the result of operation 17."""
    named: dict[SSAValue, str] = {argument: f"arg{argument.index}" for argument in block.args}
    for number, op in enumerate(block.ops):
        if len(op.results) == 1:
            named[op.results[0]] = str(number)
    return named


def op_name(value: SSAValue) -> str:
    """What makes a value: the operation's name, "argument"."""
    return value.owner.name if isinstance(value.owner, Operation) else "argument"
