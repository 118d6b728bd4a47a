"""The ring passes in their order."""

from __future__ import annotations

from xdsl.passes import ModulePass

from ditto.passes.assign_rings import AssignRings
from ditto.passes.assign_widths import AssignWidths
from ditto.passes.fuse_layer_norm import FuseLayerNorm
from ditto.passes.fuse_softmax import FuseSoftmax
from ditto.passes.fuse_truncation import FuseTruncation
from ditto.passes.hoist_arguments import HoistArguments
from ditto.passes.infer_layers import InferLayers
from ditto.passes.insert_casts import InsertCasts
from ditto.passes.merge_casts import MergeCasts
from ditto.passes.policy import Policy
from ditto.passes.ranges import Ranges
from ditto.passes.saturate_constants import SaturateConstants


def make(policy: Policy) -> list[ModulePass]:
    return [
        SaturateConstants(),
        AssignRings(policy),
        InferLayers(),
        InsertCasts(),
        MergeCasts(),
        FuseSoftmax(),
        FuseLayerNorm(),
        FuseTruncation(),
        HoistArguments(),
        Ranges(),
        AssignWidths(),
    ]
