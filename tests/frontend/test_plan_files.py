"""Files of calibrated plans: what is wrong in one is told with its place, rules, and the schema that editors read."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

import spu_ditto
from ditto.policy import plan as plans
from ditto.policy.plan import InvalidPlan, Plan
from ditto.policy.plan_rows import Range, Rule, Scale

PLAN = Plan(
    "ditto",
    {"FM32": 8, "FM64": 18},
    samples=3,
    arguments={"params/mlp/0/w": (4, 4), "x": (2, 4)},
    rules=(Rule("mlp/*", "ring.mat*", bound=12.0), Rule("mlp/1", "*", bound=20.0, fraction=9)),
    scales=(
        Scale("2", "pphlo.dot", "mlp/0", 3.5, 12),
        Scale("4", "pphlo.dot", "mlp/1", 3.5, 12),
        Scale("6", "pphlo.add", None, 1.0, 11),
    ),
    ranges=(
        Range("arg0", "argument", "mlp/0", "fxp<32, 13>", 0.7),
        Range("1", "ring.matmul", "mlp/0", "fxp<32, 12>", 3.5),
        Range("2", "ring.matmul", "mlp/1", "fxp<32, 12>", 3.5, bound=5.0),
        Range("3", "ring.normalise", "head", "fxp<64, 18>", 812.4, variances=(0.5, 2.0)),
        Range("4", "ring.add", None, "fxp<64, 18>", 0.0, bound=3.0),
    ),
)


def changed(change: Any) -> str:
    """The plan's file after a change of its content."""
    content = json.loads(PLAN.to_json())
    change(content)
    return json.dumps(content)


def test_a_file_is_the_plan_again(tmp_path: Path) -> None:
    PLAN.save(tmp_path / "plan.json")
    assert Plan.load(tmp_path / "plan.json") == PLAN
    lines = (tmp_path / "plan.json").read_text().splitlines()
    assert sum('"place"' in line for line in lines) == 8  # a row a line
    rows = json.loads(PLAN.to_json())["ranges"]
    assert all("layer" in row for row in rows)
    assert [row.get("bound") for row in rows] == [None, None, 5.0, None, 3.0]


def test_bounds_follow_headroom_rows_and_rules() -> None:
    without = Plan("ditto", PLAN.fraction_bits, scales=PLAN.scales, ranges=PLAN.ranges)
    assert [without.bound(row) for row in PLAN.ranges] == [2.0, 8.0, 5.0, 2048.0, 3.0]
    wider = Plan("ditto", PLAN.fraction_bits, headroom=8.0, scales=PLAN.scales, ranges=PLAN.ranges)
    assert [wider.bound(row) for row in PLAN.ranges] == [8.0, 32.0, 5.0, 8192.0, 3.0]
    assert wider.variances(PLAN.ranges[3]) == (0.5 / 64, 2.0 * 64)
    # The last rule that matches; where none does, the row.
    assert [PLAN.bound(row) for row in PLAN.ranges] == [2.0, 12.0, 20.0, 2048.0, 3.0]
    assert [PLAN.fraction(row) for row in PLAN.scales] == [12, 9, 11]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["ranges"][2].update(bound=-4), r"ranges\[2\].bound is -4: it should be greater than 0"),
        (lambda c: c["ranges"][2].update(bound="4"), r"ranges\[2\].bound is '4': it should be a valid number"),
        (
            lambda c: c["ranges"][2].update(bound=float("inf")),
            r"ranges\[2\].bound is inf: it should be a finite number",
        ),
        (
            lambda c: c["ranges"][1].update(bounds=4.0),
            r"ranges\[1\].bounds is no key of a plan: remove it, or mend its",
        ),
        (lambda c: c["ranges"][1].pop("layer"), r"ranges\[1\].layer is missing: add it, or calibrate again"),
        (lambda c: c["ranges"][3].update(variances=[1.0]), r"ranges\[3\].variances\[1\] is missing"),
        (lambda c: c["ranges"][3].update(variances=[1.0, -1.0]), r"ranges\[3\].variances\[1\] is -1.0: it should be"),
        (lambda c: c["ranges"].append(7), r"ranges\[5\] is 7: it should be an object"),
        (
            lambda c: c["scales"][0].update(fraction=99),
            r"scales\[0\].fraction is 99: it should be less than or equal to 24",
        ),
        (lambda c: c["scales"][0].update(fraction=9.5), r"scales\[0\].fraction is 9.5: it should be a valid integer"),
        (lambda c: c["scales"][0].update(fraction=True), r"scales\[0\].fraction is True: it should be a valid integer"),
        (lambda c: c["scales"][0].update(seen=-1), r"scales\[0\].seen is -1: it should be greater than or equal to 0"),
        (lambda c: c.update(headroom=0.5), r"headroom is 0.5: it should be greater than or equal to 1"),
        (lambda c: c.update(policy="fm128"), r"policy is 'fm128': it should be 'ditto' or 'fm64'"),
        (lambda c: c["fraction_bits"].update(FM32=17), "fraction_bits: 17 fraction bits for FM32 are not within 4..16"),
        (
            lambda c: c["fraction_bits"].pop("FM64"),
            r"fraction_bits: fraction bits are those of \['FM32', 'FM64'\], not",
        ),
        (lambda c: c["arguments"].update(x="4x4"), "arguments.x is '4x4': it should be a valid array"),
        (lambda c: c["rules"].append({}), r"rules\[2\]: a rule states a bound, a fraction, or both"),
        (lambda c: c["rules"].append({"bits": 3}), r"rules\[2\].bits is no key of a plan"),
        (
            lambda c: c["rules"].append({"layer": "ffn/*", "bound": 12}),
            r"rules\[2\].bound: no row of ranges has a layer like 'ffn/\*' and an op like '\*': mend the patterns",
        ),
        (
            lambda c: c["rules"].append({"op": "ring.*", "fraction": 9}),
            r"rules\[2\].fraction: no row of scales has a layer like '\*' and an op like 'ring.\*'",
        ),
        (lambda c: c.update(format="plan"), 'is not a plan, whose "format" is "ditto-plan"'),
        (lambda c: c.update(version=2), "is of version 2, and plans are of version 3 now: calibrate again"),
        (lambda c: c.update(note="mine"), "note is no key of a plan"),
    ],
)
def test_a_mistake_is_told_with_its_place(change: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(changed(change))
    with pytest.raises(InvalidPlan, match=rf"mine\.json:? {message}"):
        Plan.load(path)
    with pytest.raises(spu_ditto.PolicyError, match=message):
        spu_ditto.compile(lambda x: x, ring_policy=path)


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe", b"[" * 10000, b"[]", b"3", b"null"])
def test_what_is_no_plan_at_all_is_told(text: bytes, tmp_path: Path) -> None:
    path = tmp_path / "no.json"
    path.write_bytes(text)
    with pytest.raises(InvalidPlan, match=r"no\.json is (no JSON: .*; mend it there|not a plan)"):
        Plan.load(path)


def test_of_many_mistakes_the_first_are_told() -> None:
    text = changed(lambda c: [c["ranges"].append({"place": 3}) for _ in range(9)])
    with pytest.raises(InvalidPlan) as caught:
        Plan.from_json(text)
    lines = str(caught.value).splitlines()
    assert len(lines) == 11 and lines[0].startswith("the plan: ranges[5].place is 3")
    # Of each row a wrong place and four keys that are missing.
    assert lines[-1] == "the plan: and 35 more"


def test_a_plan_that_was_edited_in_python_is_checked_too() -> None:
    wrong = Plan("ditto", PLAN.fraction_bits, ranges=(Range("1", "ring.matmul", None, "fxp<32, 12>", 1.0, bound=-3.0),))
    with pytest.raises(InvalidPlan, match=r"ranges\[0\].bound is -3.0: it should be greater than 0"):
        spu_ditto.compile(lambda x: x, ring_policy=wrong)
    with pytest.raises(InvalidPlan, match=r"rules\[0\].bound: no row of ranges"):
        Plan("ditto", PLAN.fraction_bits, rules=(Rule(bound=3.0),))


def test_the_schema_is_that_of_the_models() -> None:
    """If not: ./dev python tools/write_plan_schema.py"""
    shipped = json.loads(Path(plans.__file__).with_name(plans.SCHEMA).read_text())
    assert shipped == plans.json_schema()
    saved = json.loads(PLAN.to_json())
    assert saved["$schema"] == plans.SCHEMA
    assert set(saved) == set(shipped["properties"])
    for name, rows in (("Rule", PLAN.rules), ("Scale", PLAN.scales), ("Range", PLAN.ranges)):
        assert set(vars(rows[0])) == set(shipped["$defs"][name]["properties"])
    if importlib.util.find_spec("jsonschema"):
        import jsonschema

        jsonschema.validate(saved, shipped)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(json.loads(changed(lambda c: c["ranges"][0].update(bound=-1))), shipped)
