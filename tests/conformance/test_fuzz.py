"""A hundred random programs, the same ones every time."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conformance.fuzz import Program, Tally, check, programs

PROGRAMS = 100


def test_random_programs() -> None:
    tally = Tally()

    @settings(
        max_examples=PROGRAMS,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
    )
    @given(programs(), st.sampled_from(["ditto", "fm64"]))
    def run(program: Program, policy: str) -> None:
        check(program, policy, tally)

    run()
    tally.check()
