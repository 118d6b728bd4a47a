"""Runs each pass on the files of the folder that has its name, and checks the result with filecheck.

`tests/filecheck/recover_max_sub/reduce.mlir` is read, given to the pass `recover-max-sub`, and the printed module is
compared with the file's CHECK lines. A line `// ERROR: text` says instead that the pass refuses the program with an
error that contains the text; `// POLICY: fm64` chooses another policy than `ditto`, `// PLAN: [...]` gives it a plan's
ranges, `// RANGES: {...}` what the caller states of arguments, both as JSON.
"""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest
from filecheck.matcher import Matcher
from filecheck.options import parse_argv_options

from ditto.dialects import pphlo
from ditto.dialects.mlir_text import parse, print_module
from ditto.dialects.ring import RING
from ditto.errors import DittoError
from ditto.passes.pipeline import STEPS, run_pipeline
from ditto.policy.plan import Plan, Range
from ditto.policy.policy import Policy, get_policy

HERE = Path(__file__).parent
CASES = sorted(HERE.glob("*/*.mlir"))


def policy_of(text: str) -> Policy:
    """The policy that a case asks for."""
    policy = get_policy(directive(text, "POLICY") or "ditto")
    rows = directive(text, "PLAN")
    plan = Plan(policy.name, policy.fractions, ranges=[Range(**row) for row in json.loads(rows)]) if rows else None
    return dataclasses.replace(policy, plan=plan, ranges=json.loads(directive(text, "RANGES") or "{}"))


def directive(text: str, name: str) -> str | None:
    match = re.search(rf"^// {name}: (.*)$", text, re.MULTILINE)
    return match.group(1).strip() if match else None


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}/{case.stem}")
def test_pass_output(case: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    text = case.read_text()
    policy = policy_of(text)
    pass_name = case.parent.name.replace("_", "-")
    steps = [step for step in STEPS if step.make(policy).name == pass_name]
    assert steps, f"no pass of the pipeline is called {pass_name}"
    context = pphlo.context()
    context.load_dialect(RING)
    module = parse(context, text, str(case))
    if refusal := directive(text, "ERROR"):
        with pytest.raises(DittoError, match=re.escape(refusal)):
            run_pipeline(module, policy, steps=steps[:1])
        return
    run_pipeline(module, policy, steps=steps[:1])
    output = tmp_path / "output.mlir"
    output.write_text(print_module(module))
    options = parse_argv_options(["filecheck", str(case), "--input-file", str(output)])
    if Matcher.from_opts(options).run() != 0:
        pytest.fail(f"{capfd.readouterr().err}\nThe pass printed:\n{output.read_text()}", pytrace=False)


def test_every_pass_has_a_case() -> None:
    folders = {case.parent.name for case in CASES}
    names = {step.make(get_policy("ditto")).name.replace("-", "_") for step in STEPS}
    assert names <= folders
