"""Says of every operation which layer of the model it belongs to.

SPU's text carries no locations, but arguments have names: the paths of parameters in the pytree. An operation that
consumes a parameter belongs to that parameter's layer, any other to the last layer among its operands.

    params/bert/encoder/layer/0/attention/self/query/kernel  ->  bert/encoder/layer/0
    params/bert/embeddings/LayerNorm/scale                   ->  bert/embeddings
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ArrayAttr, ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass

from ditto.dialects import pphlo, ring
from ditto.passes.pphlo.split_public import INPUTS

# The names of the program's arguments, on @main.
ARGUMENT_NAMES = "ditto.argument_names"
# Words of a path that name no layer; "variables" is what the apply of a Flax module calls its first argument.
_ROOTS = ("variables", "params", "args", "0")


def set_argument_names(module: ModuleOp, names: Sequence[str]) -> None:
    """Notes the pytree paths of the program's arguments on its @main, for this pass to find."""
    ring.main(module).attributes[ARGUMENT_NAMES] = ArrayAttr([StringAttr(name) for name in names])


def argument_names(function: FuncOp) -> list[str]:
    """The pytree paths of the arguments of a ring function, "" where none is known (what the prologue computes)."""
    names, inputs = function.attributes.get(ARGUMENT_NAMES), function.attributes.get(INPUTS)
    found = [""] * len(function.body.block.args)
    if isinstance(names, ArrayAttr) and inputs is not None:
        paths = [name.data for name in names if isinstance(name, StringAttr)]
        for index, position in enumerate(ring.plain(inputs)):
            found[index] = paths[position] if position < len(paths) else ""
    return found


def layer_of(path: str) -> str | None:
    """The layer that a parameter's path tells; None for a path of one word (an input of the model)."""
    words: list[str] = re.findall(r"\w+", path)
    while words and words[0] in _ROOTS:
        words = words[1:]
    if len(words) < 2:
        return None
    for index, word in enumerate(words):
        if word.isdigit():
            return "/".join(words[: index + 1])
    return "/".join(words[:-1][:2])


def argument_layers(function: FuncOp) -> dict[SSAValue, str]:
    """The layers that the paths of arguments tell, in either dialect."""
    named = zip(function.body.block.args, argument_names(function))
    # Integers and bits are no parameters: token ids, masks.
    return {argument: layer for argument, path in named if _is_real(argument) and (layer := layer_of(path))}


def _is_real(value: SSAValue) -> bool:
    """Whether a value holds secret numbers with a fraction."""
    if ring.is_fxp(value):
        return ring.fraction(value) > 0
    return pphlo.is_secret(value.type) and pphlo.is_float(value.type)


def layers_of(ops: Iterable[Operation], arguments: Mapping[SSAValue, str]) -> dict[Operation, str]:
    """The layer of each operation that has one.

    Args:
        arguments: the layers of parameters.
    """
    layers, parameters = dict(arguments), set(arguments)
    order: dict[str, int] = {}
    found: dict[Operation, str] = {}
    orphans: list[Operation] = []
    for op in ops:
        own = [layers[value] for value in op.operands if value in parameters]
        if len(own) == len(op.operands):
            # Nothing but parameters yet: wait for where they meet an activation.
            parameters.update(op.results)
        for layer in own:
            order.setdefault(layer, len(order))
        candidates = own or [layers[value] for value in op.operands if value in layers]
        if not candidates:
            orphans.append(op)
            continue
        chosen = max(candidates, key=order.__getitem__)
        layers.update(dict.fromkeys(op.results, chosen))
        found.update(dict.fromkeys([op, *orphans], chosen))
        orphans.clear()
    return found


@dataclass(frozen=True)
class InferLayers(ModulePass):
    name = "infer-layers"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        function = ring.main(op)
        ops = [inner for inner in function.body.block.ops if isinstance(inner, ring.RingOp)]
        for inner, layer in layers_of(ops, argument_layers(function)).items():
            inner.attributes["layer"] = ring.attribute(layer)
