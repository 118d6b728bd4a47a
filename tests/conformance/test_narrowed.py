"""The debug mode on every row of the table, with what is assumed of its values narrowed on purpose.

A plan from a row's own arguments says what each value is; an eighth of it is claimed instead, and the guard is off, so
that the parties give wrong numbers. The debug mode must find each, and name the operation and the range.
"""

from __future__ import annotations

import dataclasses
import re

import numpy as np

import spu_ditto
from ditto.parties.simulator import Simulator
from tests.conformance.faults import FAULTS, Fault
from tests.conformance.outcome import Outcome, run_of

NARROWING = 8.0
# What a message names: an operation, perhaps its layer, a value, and what is assumed of it.
NAMED = re.compile(r"ring\.\w+( in layer \S+)?: .+ is \S+( at \[.*\])?, where .+ is assumed; \w+")


def narrowed(fault: Fault) -> spu_ditto.SecureFunction | None:
    """The row's function with its ranges narrowed; None where it cannot run as it is, or has nothing to narrow."""
    options = {"input_visibility": fault.visibility}
    secure = spu_ditto.compile(fault.function, calibration=[fault.arguments], **options)
    try:
        plan = secure.lower(*fault.arguments).plan
    except (spu_ditto.RangeError, spu_ditto.UnsupportedError):
        return None
    assert plan is not None
    ranges = tuple(
        row if row.op == "argument" else dataclasses.replace(row, bound=plan.bound(row) / NARROWING)
        for row in plan.ranges
    )
    if ranges == plan.ranges:
        return None
    plan = dataclasses.replace(plan, ranges=ranges)
    return spu_ditto.compile(fault.function, ring_policy=plan, guard="off", **options)


def is_wrong(outcome: Outcome, fault: Fault) -> bool:
    tolerance = None if fault.tolerance is None else [fault.tolerance]
    try:
        outcome.check([np.asarray(fault.expected)], tolerance, judged=[fault.judged])
    except AssertionError:
        return True
    return False


def test_what_is_wrong_without_a_guard_is_found_in_debug_mode() -> None:
    wrong, missed = [], []
    for fault in FAULTS:
        secure = narrowed(fault)
        if secure is None or not is_wrong(run_of(lambda: secure(*fault.arguments)), fault):  # noqa: B023
            continue
        wrong.append(fault.name)
        with spu_ditto.use_runtime(Simulator(check_ranges=True)):
            found = run_of(lambda: secure(*fault.arguments)).refusal  # noqa: B023
        if not NAMED.search(str(found)):
            missed.append(f"{fault.name}: {found}")
    assert not missed, "\n".join(missed)
    # The others' values are proven, or integers that wrap.
    assert len(wrong) >= 40, f"{len(wrong)} of {len(FAULTS)}: {wrong}"
