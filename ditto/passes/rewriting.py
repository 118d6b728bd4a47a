"""What the PPHLO passes share: pattern application, erasing of dead operations, merging of equal ones."""

from __future__ import annotations

from typing import Any

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, Operation, SSAValue
from xdsl.pattern_rewriter import GreedyRewritePatternApplier, PatternRewriter, PatternRewriteWalker, RewritePattern
from xdsl.traits import Pure

from ditto.analysis.pattern import every as every
from ditto.dialects import pphlo


def apply_patterns(module: ModuleOp, *patterns: RewritePattern) -> None:
    """Rewrites until no pattern matches; operations without uses disappear."""
    PatternRewriteWalker(GreedyRewritePatternApplier(list(patterns))).rewrite_module(module)


def replace_with(rewriter: PatternRewriter, op: Operation, value: SSAValue) -> None:
    """Replaces a one-result operation by a value that exists already."""
    rewriter.replace(op, [], [value])


def erase(op: Operation) -> None:
    """Takes an operation without users out of its block."""
    op.detach()
    op.erase()


def erase_dead(block: Block) -> None:
    """Erases the operations of a block, nested ones included, whose results nobody uses, in one walk from the end."""
    for op in reversed(list(block.ops)):
        if op.has_trait(Pure) and all(result.first_use is None for result in op.results):
            erase(op)
            continue
        for region in op.regions:
            erase_dead(region.block)


def merge_common(block: Block) -> None:
    """Makes equal operations of a block one, nested regions included, in one walk."""
    seen: dict[tuple[Any, ...], Operation] = {}
    for op in list(block.ops):
        for region in op.regions:
            for inner in region.blocks:
                merge_common(inner)
        body = pphlo.combiner_of(op)
        if not op.has_trait(Pure) or op.regions and body is None:
            continue
        key = (
            op.name,
            tuple(op.operands),
            tuple(op.result_types),
            frozenset(op.properties.items()),
            frozenset(op.attributes.items()) if pphlo.target_of(op) else None,
            body,
        )
        first = seen.setdefault(key, op)
        if first is not op:
            for mine, other in zip(op.results, first.results, strict=True):
                mine.replace_all_uses_with(other)
            erase(op)
