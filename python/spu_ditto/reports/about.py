"""What a report is of, in words: the model, how it was compiled, its shapes, the machine, the date."""

from __future__ import annotations

import datetime
import json
import os
import platform
from collections.abc import Sequence
from typing import Any

import numpy as np
from xdsl.parser import Parser

from ditto.analysis.intervals import ARGUMENT_TYPES
from ditto.dialects import ring
from ditto.parties.machine import cpu
from ditto.parties.program import RingProgram
from ditto.parties.run_report import RunReport
from ditto.passes.pphlo.split_public import INPUTS
from ditto.passes.ring.assign_rings import RESULT_TYPES
from ditto.passes.ring.infer_layers import ARGUMENT_NAMES
from spu_ditto.lowering import CALIBRATION, POLICY

# Arrays of one parameter that are told one by one.
_NAMED = 3


def about(program: RingProgram, run: RunReport | None, title: str) -> dict[str, str]:
    """What each of these is; without what a program does not tell."""
    engine, module = json.loads(program.engine), _attributes(program.ring, "module ")
    shapes = [[engine["values"][id]["shape"] for id in engine[part]] for part in ("inputs", "outputs")]
    main = _attributes(program.ring, "func.func @main(")
    taken, given = (_typed(main.get(note, []), of) for note, of in zip((ARGUMENT_TYPES, RESULT_TYPES), shapes))
    told = {
        "model": title,
        "ring policy": module.get(POLICY, ""),
        "calibration": module.get(CALIBRATION, ""),
        "secret arguments": ", ".join(_grouped(_names(main), taken, [int(np.prod(shape)) for shape in shapes[0]])),
        "results": ", ".join(given),
        "ran" if run else "written": _date(run),
        "report made on": f"{cpu()}, {_several(len(os.sched_getaffinity(0)), 'core')}, {platform.system()}",
    }
    return {what: words for what, words in told.items() if words}


def _attributes(text: str, opening: str) -> dict[str, Any]:
    """Those on the line of a ring program that begins so, if it has one. The rest is not read: it may take seconds."""
    line = text.partition(opening)[2].partition("\n")[0]
    found = Parser(ring.context(), line.partition(" attributes ")[2]).parse_optional_attr_dict()
    return {name: ring.plain(value) for name, value in found.items() if name.startswith("ditto.")}


def _names(main: dict[str, Any]) -> list[str]:
    """Of the arguments of the parties' program; none for what the caller computes of public ones."""
    names = main.get(ARGUMENT_NAMES, [])
    return [names[position] for position in main.get(INPUTS, []) if position < len(names)]


def _typed(dtypes: Sequence[str], shapes: Sequence[list[int]]) -> list[str]:
    """Dtypes, as the function had them, and shapes."""
    return [f"{dtypes[n] if n < len(dtypes) else ''}{shape}" for n, shape in enumerate(shapes)]


def _grouped(names: Sequence[str], typed: Sequence[str], sizes: Sequence[int]) -> list[str]:
    """Arguments by the parameters of the function, which they are of; many arrays of one are counted."""
    groups: dict[str, list[int]] = {}
    for n, name in enumerate(names):
        groups.setdefault(name.partition("/")[0], []).append(n)
    told = []
    for root, members in groups.items():
        if len(members) > _NAMED:
            told.append(f"{root}: {_several(len(members), 'array')} of {sum(sizes[n] for n in members):,} numbers")
        else:
            told += [f"{names[n]}: {typed[n]}" for n in members]
    return told


def _date(run: RunReport | None) -> str:
    moment = None if run is None or not run.began else datetime.datetime.fromtimestamp(run.began, datetime.UTC)
    return (moment or datetime.datetime.now(datetime.UTC)).strftime("%Y-%m-%d %H:%M UTC")


def _several(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
