"""PPHLO operations that run one of several regions. SPU prints them in MLIR's generic form."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import TensorType
from xdsl.ir import Block
from xdsl.irdl import irdl_op_definition, operand_def, region_def, traits_def, var_region_def, var_result_def
from xdsl.traits import Pure

from ditto.dialects.pphlo_base import PphloOp, shape_of


class Branches(PphloOp):
    """Gives what one of its regions returns; a region takes no arguments, but values from outside."""

    outputs = var_result_def(TensorType)
    traits = traits_def(Pure())

    @property
    def blocks(self) -> Sequence[Block]:
        return [region.block for region in self.regions]

    def verify_(self) -> None:
        if not self.regions:
            self.fail("has no branch")
        if shape_of(self.operands[0]) != ():
            self.fail(f"the branch is chosen by one number, not by a tensor of shape {shape_of(self.operands[0])}")
        wanted = [shape_of(output) for output in self.outputs]
        for block in self.blocks:
            last = block.last_op
            if block.args or last is None or [shape_of(value) for value in last.operands] != wanted:
                self.fail(f"a branch does not take nothing and return {wanted}")


@irdl_op_definition
class IfOp(Branches):
    """The first region if `condition` holds, else the second."""

    name = "pphlo.if"
    condition = operand_def(TensorType)
    true_branch = region_def("single_block")
    false_branch = region_def("single_block")


@irdl_op_definition
class CaseOp(Branches):
    """Region number `index`; the last one for any other number."""

    name = "pphlo.case"
    index = operand_def(TensorType)
    branches = var_region_def("single_block")


BRANCH = (IfOp, CaseOp)
