#!/usr/bin/env python3
"""How much of what SPU runs is right here, counted, with a reason for everything that is not.

    python bench/coverage.py [--only models,operations] [--again] [--spu] [--record FILE] [--markdown docs/coverage.md]

The lists are those of `tests/conformance/`: operations of PPHLO, functions that SPU's own tests list, whole programs,
models. Each entry runs in the simulator on secrets, on ordinary inputs, under `ring_policy="ditto"`. It is right if
every element of its results is within its stated error of the same in float64 (models: within 1 % of the greatest
output in float32); refused if there is an error that says why; else wrong or, after any other exception, failed. With
--spu SPU itself (ABY3, FM64) runs the functions of its own list too, in float32 and int32, judged in the same way.

Totals and what is not right are kept in the record, a list at a time, so that lists can be run on different days, and
what is mended without the rest (--again); the page is made of the record.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import jax
import numpy as np
import typer
from commandline import run_command
from operations import Spu
from output import Steps, show
from provenance import provenance

import spu_ditto
from ditto.dialects import pphlo
from spu_ditto import spu_compiler
from tests.conformance import flax_models, spu_functions, structure_cases, whole_programs
from tests.conformance.cases import Case
from tests.conformance.control_cases import CONTROL
from tests.conformance.jnp_operations import Function
from tests.conformance.number_cases import CASES
from tests.conformance.outcome import REFUSALS, Outcome
from tests.conformance.spu_service import SpuService

HERE = Path(__file__).parent
RECORD = HERE / "data" / "coverage.json"
PAGE = HERE.parent / "docs" / "coverage.md"
STATUSES = ("right", "refused", "wrong", "failed")
# Functions of one dtype run in one program: what it takes to compile and to start is paid once.
TOGETHER = 8
# Of a model's greatest output.
RELATIVE_ERROR = 0.01
# In which SPU runs its own list: it takes its time.
DTYPES_IN_SPU = ("f32", "i32")


@dataclass(frozen=True)
class Row:
    """What became of an entry in a dtype: one of STATUSES and, if it is not right, why."""

    name: str
    dtype: str
    status: str
    reason: str = ""


@dataclass(frozen=True)
class Catalogue:
    """A list of entries, each with the dtypes (or other variants) it runs in."""

    title: str
    entries: Sequence[tuple[str, str]]
    rows: Callable[[Sequence[tuple[str, str]]], Iterator[Row]]


def first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0]


def outcome(name: str, dtype: str, run: Callable[[], None]) -> Row:
    """Runs and checks one entry."""
    try:
        run()
    except REFUSALS as error:
        # Without the place in this checkout.
        return Row(name, dtype, "refused", re.sub(r" \(JAX operation .*", "", first_line(error)))
    except AssertionError as error:
        return Row(name, dtype, "wrong", str(error))
    except Exception as error:
        return Row(name, dtype, "failed", f"{type(error).__name__}: {first_line(error)}")
    return Row(name, dtype, "right")


# ------------------------------------------------------------------------------------------------ operations


def operation_cases() -> dict[str, Case]:
    """By name. An operation's calls of functions are operations too."""
    return {case.name: case for case in (*CASES, *structure_cases.STRUCTURE, *CONTROL)}


def check_case(case: Case) -> None:
    secret = tuple("secret" if operand.secret else "public" for operand in case.operands)
    wide = any("64" in element for element in (case.element, *(operand.element for operand in case.operands)))
    with jax.experimental.enable_x64(wide):
        if case.text is not None:
            secure: Any = spu_ditto.from_pphlo(case.module(), "ditto")
        else:
            secure = spu_ditto.compile(case.jax, ring_policy="ditto", input_visibility=secret)
        for draw in case.draws():
            if draw.ordinary:
                expected = case.expected(draw.arrays)
                judged = None if case.judged is None else [case.judged(*draw.arrays)]
                arrays = [np.asarray(leaf) for leaf in jax.tree_util.tree_leaves(secure(*draw.arrays))]
                Outcome(arrays).check([expected], [case.allowed(expected, draw.arrays)], judged=judged)


def operation_rows(entries: Sequence[tuple[str, str]]) -> Iterator[Row]:
    cases = operation_cases()
    for name, case in entries:
        yield outcome(name, case, lambda: check_case(cases[case]))  # noqa: B023


def names_of_operations() -> list[str]:
    """Those of SPU's dialect, with the functions that its programs call in the place of `pphlo.custom_call`."""
    calls = {case.op for case in operation_cases().values() if case.op.startswith(("@mpc.", "@mhlo.", "@spu."))}
    own = {op.name for op in pphlo.PPHLO.operations} - {"pphlo.custom_call"}
    return [*sorted(own), *sorted(calls)]


# ------------------------------------------------------------------------------------------------ functions


def check_results(function: Function, inputs: list[Any], results: Any) -> None:
    arrays = [np.asarray(leaf) for leaf in jax.tree_util.tree_leaves(results)]
    expected = function.expected(inputs)
    Outcome(arrays).check(expected, function.allowed(expected, arrays))


def function_rows(functions: Sequence[Function], together: int) -> Callable[..., Iterator[Row]]:
    by_name = {function.name: function for function in functions}

    def rows(entries: Sequence[tuple[str, str]]) -> Iterator[Row]:
        groups: dict[tuple[str, bool], list[Function]] = {}
        for name, dtype in entries:
            groups.setdefault((dtype, dtype in by_name[name].refused), []).append(by_name[name])
        for (dtype, refused), members in groups.items():
            size = 1 if refused else together
            for n in range(0, len(members), size):
                yield from group_rows(members[n : n + size], dtype)

    return rows


def group_rows(functions: Sequence[Function], dtype: str) -> Iterator[Row]:
    """Some functions in one program; each by itself if that does not run."""
    inputs = [function.inputs(dtype) for function in functions]
    try:
        results = spu_ditto.compile(
            lambda all: [function.function(*some) for function, some in zip(functions, all)], ring_policy="ditto"
        )(inputs)
    except Exception as error:
        if len(functions) > 1:
            for function in functions:
                yield from group_rows([function], dtype)
            return

        def again(error: Exception = error) -> None:
            raise error

        yield outcome(functions[0].name, dtype, again)
        return
    for function, some, result in zip(functions, inputs, results, strict=True):
        yield outcome(function.name, dtype, lambda: check_results(function, some, result))  # noqa: B023


def function_entries(functions: Sequence[Function]) -> list[tuple[str, str]]:
    return [(function.name, dtype) for function in functions for dtype in function.dtypes]


# ------------------------------------------------------------------------------------------------ models


def check_model(model: flax_models.FlaxModel) -> None:
    expected = np.asarray(model.expected())
    result = np.asarray(spu_ditto.compile(model.function, ring_policy="ditto")(model.loaded.params, *model.inputs))
    error = float(np.max(np.abs(result - expected)) / np.max(np.abs(expected)))
    assert error <= RELATIVE_ERROR, f"{100 * error:.2g} % of the greatest output"


def model_rows(entries: Sequence[tuple[str, str]]) -> Iterator[Row]:
    by_name = {model.name: model for model in flax_models.MODELS}
    for name, dtype in entries:
        yield outcome(name, dtype, lambda: check_model(by_name[name]))  # noqa: B023


def functions_listed(title: str, functions: Sequence[Function], together: int = TOGETHER) -> Catalogue:
    return Catalogue(title, function_entries(functions), function_rows(functions, together))


def catalogues() -> dict[str, Catalogue]:
    """All lists, by the names that --only takes."""
    cases = operation_cases()
    of_spu = set(names_of_operations())
    operations = [(case.op, name) for name, case in cases.items() if case.op in of_spu]
    return {
        "operations": Catalogue("operations of PPHLO", operations, operation_rows),
        "spu_functions": functions_listed("functions of SPU's own tests", spu_functions.SPU_FUNCTIONS),
        "whole_programs": functions_listed("whole programs", whole_programs.PROGRAMS, 1),
        "models": Catalogue("Hugging Face Flax models", [(m.name, "f32") for m in flax_models.MODELS], model_rows),
    }


# ------------------------------------------------------------------------------------------------ the record


def status_of(rows: Sequence[Row]) -> str:
    """That of an entry: the worst of its variants; refused only if it is in all of them."""
    found = {row.status for row in rows}
    for status in ("failed", "wrong"):
        if status in found:
            return status
    return "refused" if found == {"refused"} else "right" if found == {"right"} else "partly"


def digest(entries: Sequence[tuple[str, str]]) -> str:
    """Tells one list from another."""
    return hashlib.sha256("\n".join(f"{name} {dtype}" for name, dtype in entries).encode()).hexdigest()[:16]


def recorded(rows: Sequence[Row]) -> dict[str, Any]:
    """Totals of a list's rows, and what is not right. The rows may be in any order."""
    by_name: dict[str, list[Row]] = {}
    for row in rows:
        by_name.setdefault(row.name, []).append(row)
    return {
        **today(),
        "list": digest(sorted((row.name, row.dtype) for row in rows)),
        "entries": dict(Counter(status_of(of_one) for of_one in by_name.values())),
        "variants": dict(Counter(row.status for row in rows)),
        "not_right": [[r.name, r.dtype, r.status, r.reason] for r in rows if r.status != "right"],
    }


def today() -> dict[str, Any]:
    made_with = provenance({}, [])
    versions = {name: made_with["versions"][name] for name in ("spu-ditto", "spu", "jax", "transformers")}
    return {"date": made_with["date"][:10], "versions": versions}


def run_in_spu(not_right: set[tuple[str, str]]) -> dict[str, Any]:
    """What SPU makes of its own list, and how much of what it has right is not right here."""
    other = Spu()
    entries = [e for e in function_entries(spu_functions.SPU_FUNCTIONS) if e[1] in DTYPES_IN_SPU]
    found, done = {}, Steps(len(entries))
    for name, dtype in entries:
        found[name, dtype] = other.run("spu_functions", name, dtype)
        done(f"SPU: {name} {dtype}: {found[name, dtype]}")
    other.close()
    right = [entry for entry, status in found.items() if status == "right"]
    return {
        **today(),
        "variants": dict(Counter(found.values())),
        "not_right": [[*entry, status] for entry, status in found.items() if status != "right"],
        "only_spu": [list(entry) for entry in right if entry in not_right],
    }


def page(record: dict[str, Any]) -> str:
    """The record as Markdown."""
    lines = [
        "# Coverage",
        "",
        "How much of what SPU runs is right here, made by `bench/coverage.py`: lists of `tests/conformance/`, run in",
        'the simulator on secrets and ordinary inputs, `ring_policy="ditto"`. An entry is right if it is in all its',
        "dtypes (operations: in all their cases), partly right if it is refused in some. Costs and errors of functions",
        "stand under [supported operations](operations.md).",
        "",
        "| list | entries | right | partly | refused | wrong | failed | in all dtypes: right | date | SPU, JAX |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---|---|",
    ]
    for name, catalogue in catalogues().items():
        if name not in record:
            continue
        found = record[name]
        entries, variants = found["entries"], found["variants"]
        counts = " | ".join(str(entries.get(s, 0)) for s in ("right", "partly", "refused", "wrong", "failed"))
        right = f"{variants.get('right', 0):,} of {sum(variants.values()):,}"
        versions = f"{found['versions']['spu']}, {found['versions']['jax']}"
        lines.append(
            f"| {catalogue.title} | {sum(entries.values())} | {counts} | {right} | {found['date']} | {versions} |"
        )
    if missing := [catalogue.title for name, catalogue in catalogues().items() if name not in record]:
        lines += ["", f"Not counted yet: {', '.join(missing)}."]
    if "spu" in record:
        found = record["spu"]
        statuses = ", ".join(f"{number} {status}" for status, number in sorted(found["variants"].items()))
        # What is right here by now is so whenever SPU was asked.
        open_still = {(name, dtype) for name, dtype, *_ in record.get("spu_functions", {}).get("not_right", [])}
        only = ", ".join(f"{name} ({dtype})" for name, dtype in found["only_spu"] if (name, dtype) in open_still)
        lines += [
            "",
            f"SPU {found['versions']['spu']} itself (ABY3, FM64) on the functions of its own tests, in float32 and",
            f"int32, judged in the same way ({found['date']}): {statuses}.",
            f"What it has right and this project has not: {only or 'nothing'}.",
        ]
    lines += ["", "## What is not right", ""]
    for name, catalogue in catalogues().items():
        reasons: dict[str, list[str]] = {}
        for entry, dtype, status, reason in record.get(name, {}).get("not_right", []):
            reasons.setdefault(f"{status}: {reason}", []).append(f"{entry} ({dtype})")
        for reason, users in reasons.items():
            lines.append(f"- {catalogue.title}: {', '.join(users)}: {reason}".replace("|", "\\|"))
    return "\n".join(lines) + "\n"


def main(
    only: Annotated[str, typer.Option(help="Names of lists, separated by commas; by default all.")] = "",
    again: Annotated[bool, typer.Option("--again", help="Run only what the record has as not right.")] = False,
    spu: Annotated[bool, typer.Option("--spu", help="Run SPU on its own list too.")] = False,
    record: Annotated[Path, typer.Option(help="Where the totals are kept.")] = RECORD,
    markdown: Annotated[Path, typer.Option(help="Where the page is written.")] = PAGE,
) -> None:
    """Runs the lists and says how much of each is right."""
    found: dict[str, Any] = json.loads(record.read_text()) if record.exists() else {}
    lists = catalogues()
    wanted = only.split(",") if only else list(lists)
    for name in wanted:
        if name not in lists:
            raise typer.BadParameter(f"there is no list {name!r}; there are {', '.join(lists)}")
        if again and found.get(name, {}).get("list") != digest(sorted(lists[name].entries)):
            raise typer.BadParameter(f"the record is of other {name} than there are now: run them all")
    service = SpuService()
    # One compiler for all programs: its start is most of a small one's time.
    spu_compiler._run = service.compile  # noqa: SLF001
    for name in wanted:
        entries, rows = lists[name].entries, list[Row]()
        if again:
            entries = [(entry, dtype) for entry, dtype, *_ in found[name]["not_right"]]
            rows = [Row(*entry, "right") for entry in lists[name].entries if entry not in set(entries)]
        done = Steps(len(entries))
        for row in lists[name].rows(entries):
            rows.append(row)
            done(f"{name}: {row.name} {row.dtype}: {row.status} {row.reason}".rstrip())
        found[name] = recorded(rows)
        record.write_text(json.dumps(found, indent=1) + "\n")
    service.close()
    if spu:
        not_right = {(name, dtype) for name, dtype, *_ in found["spu_functions"]["not_right"]}
        found["spu"] = run_in_spu(not_right)
        record.write_text(json.dumps(found, indent=1) + "\n")
    markdown.write_text(page(found))
    show(
        "coverage",
        ["list", "date", *STATUSES],
        [
            [name, found[name]["date"], *(str(found[name]["variants"].get(s, 0)) for s in STATUSES)]
            for name in lists
            if name in found
        ],
        2,
    )
    if any(found[name]["variants"].get(status) for name in wanted for status in ("wrong", "failed")):
        sys.exit(1)


if __name__ == "__main__":
    run_command(main)
