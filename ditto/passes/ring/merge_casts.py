"""Merges casts that say the same twice.

    %1 = ring.reshape %0 : (..<64, 18>>) -> ..<64, 18>>
    %2 = ring.down_cast %1 {shift = 10} : (..<64, 18>>) -> ..<32, 8>>
    %3 = ring.down_cast %0 {shift = 10} : (..<64, 18>>) -> ..<32, 8>>
becomes
    %3 = ring.down_cast %0 {shift = 10} : (..<64, 18>>) -> ..<32, 8>>
    %2 = ring.reshape %3 : (..<32, 8>>) -> ..<32, 8>>

Casts move in front of reshapes, transposes and the like, where equal ones meet and there are fewest elements. A cast
there and back is none if nothing is lost on the way; neither is one around a sum that fits the narrow ring.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from ditto.analysis.pattern import made, match, named
from ditto.dialects import ring
from ditto.dialects.traits import Rearranges
from ditto.passes.ring_rewriting import erase_dead, every, insert_before, merge_equal, replace, users

DOWN_AND_UP = made(ring.UpCastOp, named("lower", made(ring.DownCastOp, "x")))
UP_AND_DOWN = made(ring.DownCastOp, made(ring.UpCastOp, "x"))
AROUND_SUM = made(ring.DownCastOp, named("sum", made(ring.SumOp, made(ring.UpCastOp, "x"))))


def move_before(cast: ring.RingOp, move: ring.RingOp) -> None:
    """cast(move(x)) as move(cast(x)); the move stays for its other users."""
    source = move.arguments[0]
    type = ring.fxp(ring.shape(source), ring.width(cast.result), ring.fraction(cast.result))
    moved_cast = insert_before(move, cast.__class__, [source], type, shift=cast.get("shift"))
    attributes = {name: value for name, value in move.attributes.items() if name not in ring.NOTES}
    replace(cast, insert_before(move, move.__class__, [moved_cast], cast.result.type, **attributes))


def simplify(cast: ring.RingOp) -> bool:
    """One step of moving or merging a cast; False if there is none."""
    source = cast.arguments[0].owner
    if isinstance(source, ring.RingOp) and source.has_trait(Rearranges):
        move_before(cast, source)
        return True
    type, shift = cast.result.type, cast.get("shift")
    if found := match(cast, DOWN_AND_UP):
        if found["lower"].owner.get("shift") != 0 or found["x"].type != type:
            return False
        replace(cast, found["x"])
        return True
    if (found := match(cast, UP_AND_DOWN)) and ring.width(found["x"]) == ring.width(type):
        x = found["x"]
        replace(cast, insert_before(cast, ring.DownCastOp, [x], type, shift=shift) if shift else x)
        return True
    if (found := match(cast, AROUND_SUM)) and ring.width(found["x"]) == ring.width(type) and shift == 0:
        if users(found["sum"]) == [cast]:
            dims = found["sum"].owner.get("dims")
            replace(cast, insert_before(cast, ring.SumOp, [found["x"]], type, dims=dims))
            return True
    return False


@dataclass(frozen=True)
class MergeCasts(ModulePass):
    name = "merge-casts"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        function = ring.main(op)
        changed = True
        while changed:
            merge_equal(function.body.block)
            changed = any([simplify(cast) for cast in every(function, ring.UpCastOp, ring.DownCastOp)])
            erase_dead(function.body.block)
