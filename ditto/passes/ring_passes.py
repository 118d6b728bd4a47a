"""The ring passes in their order."""

from __future__ import annotations

from xdsl.passes import ModulePass

from ditto.passes.assign_rings import AssignRings
from ditto.passes.assign_widths import AssignWidths
from ditto.passes.insert_casts import InsertCasts
from ditto.passes.policy import Policy
from ditto.passes.ranges import Ranges
from ditto.passes.saturate_constants import SaturateConstants


def make(policy: Policy) -> list[ModulePass]:
    return [SaturateConstants(), AssignRings(policy), InsertCasts(), Ranges(), AssignWidths()]
