#!/usr/bin/env python3
"""Every protocol of the engine: bits, rounds, elements a second, error, beside SPU 0.9.5's same operation.

    python bench/protocols.py [--json FILE] [--elements 98304] [--no-spu]

Three parties run as threads of this process. Bits are those all parties send for one element, offline and online;
elements are those of the result, at maxima of the operand. Sharing and revealing count the caller's work alone. Of SPU
(ABY3, FM64) the bytes of all three ranks count; its "messages" are the most that one rank sent, which is near its
rounds. Operands are the same and exact in either encoding. Errors are the largest absolute differences from float64.
A protocol that sends anything but what it declares ends the benchmark.
"""

from __future__ import annotations

import json as json_format
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from commandline import run_command
from output import Steps, say, show, with_range
from protocol_cases import SEED, Array, Case, Ring, Secret, cases
from provenance import provenance, spread

from ditto import _core
from ditto.parties.accounting import threads_of_a_local_party

REPETITIONS = 3
TIMEOUT = 60.0
DEFAULT_ELEMENTS = 128 * 768
# SPU has one ring, its booleans are arithmetic shares until an operation wants bits, and nothing guards a range.
NOT_IN_SPU = {
    "up_cast",
    "extend",
    "down_cast",
    "reround",
    "bit_to_fxp",
    "to_bits",
    "from_bits",
    "require_range",
    "require_sums",
}


def run_case(simulator: _core.Simulator, case: Case) -> dict[str, Any]:
    """Runs an operation once to warm up and `REPETITIONS` times for its median.

    Raises:
        RuntimeError: the metered cost is not the declared one.
    """
    program = _core.Program(json_format.dumps(case.program()), list(case.constants))
    ids = [simulator.put(operand.integers, operand.ring.width) for operand in case.operands]
    seconds, errors = [], []
    for _ in range(1 + REPETITIONS):
        outputs, elapsed, parties = simulator.run(program, ids)
        seconds.append(elapsed)
        errors.append(error_of(outputs[0], case.result, case.exact))
    for id in ids:
        simulator.drop(id)
    declared = program.cost()
    metered = {
        "offline": sum(party["offline"] for party in parties),
        "online": sum(party["online"] for party in parties),
        "rounds": max(party["rounds"] for party in parties),
    }
    for name, value in metered.items():
        if value != declared[name]:
            raise RuntimeError(f"{case.op} {case.rings} declares {name} of {declared[name]} and has {value}")
    return row(case.op, case.rings, case.elements, metered, seconds[1:], errors)


def sharing_rows(operand: Secret) -> list[dict[str, Any]]:
    """What a caller computes to share a value and to reveal it, and what it exchanges with the parties."""
    width, shape = operand.ring.width, operand.integers.shape
    l1, l2 = (secrets.token_bytes((operand.integers.size * width + 7) // 8) for _ in range(2))
    # P1 reveals m - l1, which is x masked by l2 alone, P2 its l2.
    from_p1 = _core.mask_input(operand.integers, width, bytes(len(l1)), l2)
    seconds: list[tuple[float, float]] = []
    for _ in range(REPETITIONS):
        start = time.perf_counter()
        masked = _core.mask_input(operand.integers, width, l1, l2)
        between = time.perf_counter()
        opened = _core.reconstruct(from_p1, l2, shape, width)
        seconds.append((between - start, time.perf_counter() - between))
    error = error_of(opened, operand.ring, operand.numbers)
    to_share = {"offline": 0, "online": len(l1) + len(l2) + 2 * len(masked), "rounds": 2}
    to_reveal = {"offline": 0, "online": len(from_p1) + len(l2), "rounds": 1}
    return [
        row(name, f"({operand.ring})", operand.integers.size, metered, times, [error])
        for (name, metered), times in zip([("share", to_share), ("reveal", to_reveal)], zip(*seconds), strict=True)
    ]


def error_of(integers: Array, ring: Ring, exact: Array) -> float:
    """The largest difference of a result from the exact one."""
    return float(np.max(np.abs(np.ldexp(integers.astype(np.float64), -ring.fraction) - exact)))


def row(
    op: str, rings: str, elements: int, metered: dict[str, int], seconds: Sequence[float], errors: Sequence[float]
) -> dict[str, Any]:
    """One protocol's results, as written to --json; `bytes` are of the whole operation, errors those of every run."""
    return {
        "protocol": op,
        "rings": rings,
        "elements": elements,
        "bytes": {"offline": metered["offline"], "online": metered["online"]},
        "bits_per_element": {name: 8 * metered[name] / elements for name in ("offline", "online")},
        "rounds": metered["rounds"],
        "seconds": statistics.median(seconds),
        "spread": spread(seconds),
        "elements_per_second": spread([elements / one for one in seconds]),
        "max_abs_error": max(errors),
        "errors": list(errors),
        "spu": None,
    }


def spu_results(compared: Sequence[Case]) -> list[dict[str, Any]]:
    """SPU's seconds, bytes, messages and error for each of the cases, from a process of its own.

    Raises:
        subprocess.CalledProcessError: SPU failed; its messages have been printed.
    """
    with tempfile.TemporaryDirectory() as folder:
        job, arrays, result = (Path(folder) / name for name in ("job.json", "arrays.npz", "result.json"))
        named = {str(number): case.exact for number, case in enumerate(compared)}
        for number, case in enumerate(compared):
            named |= {f"{number}_{n}": operand.plain for n, operand in enumerate(case.operands)}
        np.savez(arrays, **named)
        described = [{"function": c.op, "attrs": dict(c.attrs), "inputs": len(c.operands)} for c in compared]
        job.write_text(json_format.dumps({"repetitions": REPETITIONS, "cases": described}))
        script = Path(__file__).with_name("spu_protocols.py")
        subprocess.run([sys.executable, str(script), str(job), str(arrays), str(result)], check=True)
        return list(json_format.loads(result.read_text()))


def show_rows(rows: Sequence[dict[str, Any]]) -> None:
    """The results for people."""
    title = (
        "Bits per element of all parties, rounds, million elements a second (median, least to most of "
        f"{REPETITIONS} runs), largest error of all runs against float64"
    )
    names, of_spu = (
        ("offline", "online", "rounds", "M/s", "error"),
        ("SPU bits", "SPU messages", "SPU M/s", "SPU error"),
    )
    compared = any(r["spu"] for r in rows)
    cells = []
    for r in rows:
        bits, spu = r["bits_per_element"], r["spu"]
        ours = [f"{bits['offline']:.1f}", f"{bits['online']:.1f}", str(r["rounds"])]
        theirs = [""] * 4
        if spu is not None:
            speed = with_range(spread([r["elements"] / one / 1e6 for one in spu["spread"]["all"]]))
            bits_of_spu = f"{8 * spu['bytes'] / r['elements']:.1f}"
            theirs = [bits_of_spu, str(spu["messages"]), speed, f"{spu['max_abs_error']:.2g}"]
        speed = with_range(r["elements_per_second"], scale=1e-6)
        cells.append(
            [r["protocol"], r["rings"], *ours, speed, f"{r['max_abs_error']:.2g}", *(theirs if compared else ())]
        )
    show(title, ("protocol", "rings (width, fraction)", *names, *(of_spu if compared else ())), cells, texts=2)


def main(
    json: Annotated[Path | None, typer.Option(help="Write the results to this file.")] = None,
    elements: Annotated[int, typer.Option(min=1, help="About so many elements per protocol.")] = DEFAULT_ELEMENTS,
    spu: Annotated[bool, typer.Option(help="Also run SPU 0.9.5.")] = True,
) -> None:
    """Measures every protocol of the engine."""
    made_with = provenance(locals(), [SEED])
    _core.set_threads(threads_of_a_local_party())
    simulator = _core.Simulator(TIMEOUT)
    all_cases = cases(elements)
    done, rows = Steps(len(all_cases)), []
    for case in all_cases:
        rows.append(run_case(simulator, case))
        done(f"{case.op} {case.rings}")
    if spu:
        say("running SPU's ABY3 on the same operands")
        numbers = [n for n, case in enumerate(all_cases) if case.op not in NOT_IN_SPU]
        try:
            results = spu_results([all_cases[n] for n in numbers])
        except subprocess.CalledProcessError as failure:
            raise typer.BadParameter(f"SPU ended with status {failure.returncode}; see its messages above") from failure
        for number, result in zip(numbers, results, strict=True):
            rows[number]["spu"] = result
    rows += sharing_rows(all_cases[0].operands[0])
    show_rows(rows)
    if json is not None:
        json.write_text(json_format.dumps({"made_with": made_with, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    run_command(main)
