"""Thousands of random programs, other ones every time: `bazel test //tests/conformance:nightly_fuzz`."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conformance.fuzz import Program, Tally, check, programs

PROGRAMS = 4000


def test_random_programs() -> None:
    tally = Tally()

    @settings(
        max_examples=PROGRAMS, deadline=None, database=None, print_blob=True, suppress_health_check=list(HealthCheck)
    )
    @given(programs(), st.sampled_from(["ditto", "fm64"]))
    def run(program: Program, policy: str) -> None:
        check(program, policy, tally)

    run()
    tally.check()
