"""Whatever a user gets says in one line what it is."""

from __future__ import annotations

import re

import numpy as np

import spu_ditto
from ditto.parties.simulator import Simulator


def test_every_public_object_says_what_it_is() -> None:
    x = np.linspace(-1, 1, 6, dtype=np.float32).reshape(2, 3)
    secure = spu_ditto.compile(
        lambda tree, y: tree["a"] * tree["b"] + tree["c"] * y, calibration=[(dict(a=x, b=x, c=x), x)]
    )
    lowered = secure.lower(dict(a=x, b=x, c=x), x)
    compiled = lowered.compile()
    simulator = Simulator(check_ranges=True)
    with spu_ditto.use_runtime(simulator):
        _, report = compiled.run(dict(a=x, b=x, c=x), x)
    arguments = r"<lambda>\(tree/a: float32\[2, 3\], tree/b: .*, and 1 more\)"
    expected = [
        (secure, "<SecureFunction <lambda>, ring policy ditto>"),
        (secure.trace(dict(a=x, b=x, c=x), x), f"<Traced {arguments}>"),
        (lowered, f"<Lowered {arguments}>"),
        (compiled, f"<Compiled {arguments}>"),
        (compiled.signature, f"<Signature {arguments}>"),
        (compiled.program, "<RingProgram with 4 inputs, 1 outputs, .*>"),
        (lowered.cost_analysis(), r"CostAnalysis\(offline_bytes=\d+, .*\)"),
        (compiled.memory_analysis(), r"MemoryAnalysis\(argument_size_in_bytes=\d+, .*\)"),
        (lowered.plan, r"Plan\(policy='ditto', .*samples=1\)"),
        (report, r"RunReport\(seconds=.*\)"),
        (secure.share(x), r"SharedArray\(\(2, 3\), float32\)"),
        (simulator, r"<Simulator in process \d+, checks ranges>"),
        (spu_ditto.LAN, r"Link\(name='LAN', .*\)"),
        (spu_ditto.divergence(lambda x: x * x, (x,)), r"Divergence\(result=.*, tolerance=0.05\)"),
    ]
    for thing, pattern in expected:
        assert re.fullmatch(pattern, repr(thing)) and len(repr(thing)) < 240, repr(thing)


def test_parties_say_whether_their_session_goes_on() -> None:
    with spu_ditto.processes() as parties:
        assert re.fullmatch(r"<RemoteParties in a session of process \d+>", repr(parties))
        parties.close()
        assert repr(parties).endswith(", the session is closed>")
