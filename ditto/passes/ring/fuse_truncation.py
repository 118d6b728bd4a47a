"""Rounds where a value is opened anyway: a down-cast moves into the product it follows.

    %2 = ring.mul %0, %1 {shift = 18} : (..<64, 18>>, ..<64, 18>>) -> ..<64, 18>>
    %3 = ring.add %2, %b : (..<64, 18>>, ..<64, 18>>) -> ..<64, 18>>
    %4 = ring.down_cast %3 {shift = 10} : (..<64, 18>>) -> ..<32, 8>>
becomes
    %2 = ring.mul %0, %1 {shift = 28} : (..<64, 18>>, ..<64, 18>>) -> ..<32, 8>>
    %5 = ring.down_cast %b {shift = 10} : (..<64, 18>>) -> ..<32, 8>>
    %4 = ring.add %2, %5 : (..<32, 8>>, ..<32, 8>>) -> ..<32, 8>>

so the product lands in as few bits as are used. Only where nobody else uses the finer value.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Attribute, SSAValue
from xdsl.passes import ModulePass

from ditto.analysis.pattern import made, match, named
from ditto.dialects import ring
from ditto.dialects.traits import Linear, Rearranges, Truncates
from ditto.passes.ring.merge_casts import move_before
from ditto.passes.ring_rewriting import erase_dead, every, insert_before, replace, users

PLUS_PUBLIC = made(ring.AddPublicOp, "x", named("encoded", made(ring.EncodeOp, "numbers")))
SHIFTED = made(ring.ShlOp, "x")


def push(cast: ring.DownCastOp) -> bool:
    """Moves a down-cast in front of the operation it follows; False if it has to stay."""
    value, shift, type = cast.arguments[0], cast.get("shift"), cast.result.type
    source = value.owner
    if not isinstance(source, ring.RingOp) or users(value) != [cast]:
        return False
    attributes = {name: a for name, a in source.attributes.items() if name != "range"}
    if source.has_trait(Truncates):
        attributes["shift"] = ring.attribute(source.get("shift") + shift)
        replace(cast, insert_before(cast, source.__class__, source.arguments, type, **attributes))
        return True
    if source.has_trait(Rearranges):
        move_before(cast, source)
        return True
    if source.has_trait(Linear) and all(ring.is_fxp(operand) for operand in source.arguments):
        operands = [_rounded(cast, operand, shift, type) for operand in source.arguments]
        replace(cast, insert_before(cast, source.__class__, operands, type, **attributes))
        return True
    if found := match(value, PLUS_PUBLIC):
        encoded, numbers = found["encoded"], found["numbers"]
        fraction = encoded.owner.get("fraction") - shift
        public = insert_before(cast, ring.EncodeOp, [numbers], encoded.type, fraction=fraction)
        operands = [_rounded(cast, found["x"], shift, type), public]
        replace(cast, insert_before(cast, ring.AddPublicOp, operands, type, **attributes))
        return True
    if (found := match(value, SHIFTED)) and source.get("bits") <= shift:
        rest = shift - source.get("bits")
        replace(cast, insert_before(cast, ring.DownCastOp, [found["x"]], type, shift=rest))
        return True
    return False


def _rounded(cast: ring.DownCastOp, operand: SSAValue, shift: int, type: Attribute) -> SSAValue:
    shaped = ring.fxp(ring.shape(operand), ring.width(type), ring.fraction(type))
    return insert_before(cast, ring.DownCastOp, [operand], shaped, shift=shift)


@dataclass(frozen=True)
class FuseTruncation(ModulePass):
    name = "fuse-truncation"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        function = ring.main(op)
        changed = True
        while changed:
            changed = any([push(cast) for cast in every(function, ring.DownCastOp)])
            erase_dead(function.body.block)
