"""The passes in their order, as data with reasons, and the driver that runs them.

A pass may rely on what the passes before it leave, and leaves a module that verifies.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation
from xdsl.passes import ModulePass
from xdsl.utils.exceptions import VerifyException

from ditto.dialects import pphlo
from ditto.errors import CompileError
from ditto.passes.pphlo.drop_nan_checks import DropNanChecks
from ditto.passes.pphlo.erase_no_effect import EraseNoEffect
from ditto.passes.pphlo.exclude_infinities import ExcludeInfinities
from ditto.passes.pphlo.expand_indices import ExpandIndices
from ditto.passes.pphlo.expand_pooling import ExpandPooling
from ditto.passes.pphlo.expand_sorting import ExpandSorting
from ditto.passes.pphlo.expand_windows import ExpandWindows
from ditto.passes.pphlo.fold_constants import FoldConstants
from ditto.passes.pphlo.keep_secrets import KeepSecrets
from ditto.passes.pphlo.match_embedding import MatchEmbedding
from ditto.passes.pphlo.match_gelu import MatchGelu
from ditto.passes.pphlo.match_scatter import MatchScatter
from ditto.passes.pphlo.prepare_operands import PrepareOperands
from ditto.passes.pphlo.recover_max_sub import RecoverMaxSub
from ditto.passes.pphlo.remove_frees import RemoveFrees
from ditto.passes.pphlo.split_complex import SplitComplex
from ditto.passes.pphlo.split_public import SplitPublic
from ditto.passes.pphlo.unroll_loops import UnrollLoops
from ditto.passes.ring.assign_rings import AssignRings
from ditto.passes.ring.assign_widths import AssignWidths
from ditto.passes.ring.expand_normalisation import ExpandNormalisation
from ditto.passes.ring.fit_series import FitSeries
from ditto.passes.ring.fuse_layer_norm import FuseLayerNorm
from ditto.passes.ring.fuse_softmax import FuseSoftmax
from ditto.passes.ring.fuse_truncation import FuseTruncation
from ditto.passes.ring.fuse_variance import FuseVariance
from ditto.passes.ring.hoist_arguments import HoistArguments
from ditto.passes.ring.infer_layers import InferLayers
from ditto.passes.ring.insert_casts import InsertCasts
from ditto.passes.ring.insert_guard import InsertGuard
from ditto.passes.ring.merge_casts import MergeCasts
from ditto.passes.ring.note_evidence import NoteEvidence
from ditto.passes.ring.ranges import Ranges


@dataclass(frozen=True)
class Step:
    """One place in the pipeline: how to make the pass for a policy, and why it stands here."""

    make: Callable[[Any], ModulePass]
    reason: str


PPHLO_STEPS: tuple[Step, ...] = (
    Step(lambda policy: RemoveFrees(), "frees count as uses; every later pass asks about uses"),
    Step(lambda policy: KeepSecrets(), "every later pass goes by what is secret"),
    Step(lambda policy: MatchEmbedding(), "the look-up loop is known by its NaN and bounds, which later passes change"),
    Step(lambda policy: MatchScatter(), "before its loop is unrolled, and a round of comparisons each"),
    Step(lambda policy: MatchGelu(), "65 operations become one before anybody looks at them singly"),
    Step(lambda policy: RecoverMaxSub(), "max with -inf must be a maximum before it can be erased"),
    Step(lambda policy: UnrollLoops(), "constants of a round appear only when the loop is gone"),
    Step(lambda policy: SplitComplex(), "no pass below knows complex numbers"),
    Step(lambda policy: DropNanChecks(), "a comparator that asks for NaN is ten operations, one that does not is one"),
    Step(lambda policy: ExcludeInfinities(), "needs maxima and differences as such, and -inf where it came from"),
    Step(lambda policy: ExpandWindows(), "what a body makes of whole tensors is then an operation like any other"),
    Step(lambda policy: ExpandPooling(), "the same of what chooses among the elements of a window"),
    Step(lambda policy: ExpandSorting(), "the same of comparators"),
    Step(lambda policy: FoldConstants(), "the ones vector and the causal mask are constants only after their moves"),
    Step(lambda policy: ExpandIndices(), "indices that are constants are so by now"),
    Step(lambda policy: EraseNoEffect(), "what is erased here costs neither a ring nor a cast"),
    Step(lambda policy: PrepareOperands(), "public operands that are not constants now are known at the call only"),
    Step(lambda policy: SplitPublic(), "what is public and left depends on arguments: the caller computes it"),
)

RING_STEPS: tuple[Step, ...] = (
    Step(AssignRings, "every pass below is about rings"),
    Step(lambda policy: InferLayers(), "errors from here on name the layer"),
    Step(lambda policy: InsertCasts(), "from here on a program can be executed"),
    Step(lambda policy: MergeCasts(), "equal casts must meet before anything depends on one of them"),
    Step(lambda policy: FuseSoftmax(), "looks at whole softmaxes, with their casts in place"),
    Step(lambda policy: FuseVariance(), "makes sums of squares, which the next pass turns into inner products"),
    Step(
        lambda policy: FuseLayerNorm(), "needs the squares of a variance before ranges are known: they are never opened"
    ),
    Step(lambda policy: FuseTruncation(), "a cast that is left moves into a product, or up to an argument"),
    Step(lambda policy: HoistArguments(), "all casts of an argument now stand next to it"),
    Step(
        lambda policy: NoteEvidence(policy.plan, policy.ranges),
        "a plan names values by their place, and this is the place",
    ),
    Step(lambda policy: ExpandNormalisation(), "at which scales a variance is computed depends on ranges"),
    Step(lambda policy: Ranges(), "fractions are final now"),
    Step(lambda policy: InsertGuard(policy.guard), "looks at ranges, and its own comparisons need widths"),
    Step(lambda policy: FitSeries(policy.link), "the guard has looked at lo and hi; widths depend on the protocol"),
    Step(lambda policy: AssignWidths(policy.link), "demand follows from ranges; nothing may change a type afterwards"),
)

STEPS: tuple[Step, ...] = (*PPHLO_STEPS, *RING_STEPS)


class PassFailed(Exception):
    """A pass left a module that does not verify: a mistake in the compiler, not in the program."""


class _Verifier:
    """Verifies a module after every pass, but no operation again that is what it was and stands where it did."""

    def __init__(self) -> None:
        self._verified: dict[Operation, tuple[Any, ...]] = {}

    def verify(self, module: ModuleOp) -> None:
        """Raises VerifyException."""
        states = {op: _state(op) for op in module.walk()}
        # Most passes find nothing in most programs.
        if states == self._verified and list(states) == list(self._verified):
            return
        for op, state in states.items():
            # What has regions, and what ends one, answers for its surroundings too.
            if op.regions or op.next_op is None or self._verified.get(op) != state:
                op.verify(verify_nested_ops=False)
        self._verified = states


def _state(op: Operation) -> tuple[Any, ...]:
    """All that an operation's own verifier reads."""
    operands, results = op.operands, op.results
    types = [value.type for value in (*operands, *results)]
    return op.parent, tuple(operands), types, dict(op.attributes), dict(op.properties)


def run_pipeline(
    module: ModuleOp,
    policy: Any,
    *,
    after_pass: Callable[[ModulePass, ModuleOp, float], None] | None = None,
    steps: Sequence[Step] = STEPS,
) -> None:
    """Runs the passes on a module, in place, and verifies it after each.

    Args:
        module: PPHLO as SPU's compiler gives it.
        policy: the ring policy, handed to the passes that take one.
        after_pass: called after every pass with the pass, the module as it is then, and the pass's seconds.
        steps: the passes; the whole pipeline unless a tool wants a part of it.

    Raises:
        CompileError: the program cannot be compiled.
        PassFailed: a pass made an invalid module.
    """
    context = pphlo.context()
    verifier = _Verifier()
    for step in steps:
        module_pass = step.make(policy)
        start = time.perf_counter()
        try:
            module_pass.apply(context, module)
        except CompileError as error:
            error.pass_name = error.pass_name or module_pass.name
            raise
        seconds = time.perf_counter() - start
        try:
            verifier.verify(module)
        except VerifyException as error:
            raise PassFailed(f"pass {module_pass.name} left an invalid module: {error}") from error
        if after_pass is not None:
            after_pass(module_pass, module, seconds)
