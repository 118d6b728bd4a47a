"""What the ring passes make of SPU's output: casts, layers, widths, the engine's program."""

from __future__ import annotations

import cProfile
import dataclasses
import json
import math
import pstats
from collections import Counter

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp

from ditto import _core
from ditto.analysis.look_through import is_argument
from ditto.dialects import ring
from ditto.lowering.lower_to_program import lower_to_program
from ditto.passes.pipeline import RING_STEPS, STEPS, run_pipeline
from ditto.passes.ring.infer_layers import layer_of, set_argument_names
from ditto.passes.ring.insert_guard import read_by_products_alone
from ditto.policy.calibrate import calibrate
from ditto.policy.link import Link
from ditto.policy.policy import Policy, UnknownPolicy, get_policy
from tests.passes.ring_runs import load
from tests.passes.test_ring_equivalence import model_inputs

DITTO = get_policy("ditto")


def up_to(module: ModuleOp, last: str) -> Counter[str]:
    """Runs the pipeline up to a pass and counts the operations by name."""
    names = [step.make(DITTO).name for step in STEPS]
    run_pipeline(module, DITTO, steps=STEPS[: names.index(last) + 1])
    return Counter(op.name for op in ring.main(module).body.block.ops)


def test_one_cast_each_way_around_a_softmax() -> None:
    """f16 dot, f32 softmax, f16 dot, as JAX and SPU write it: two borders, two casts."""
    kinds = up_to(load("dot_softmax_dot"), "merge-casts")
    assert (kinds["ring.up_cast"], kinds["ring.down_cast"]) == (1, 1)


def test_no_cast_without_a_border() -> None:
    for name in ("bert_f32", "gpt2_f32", "vit_f32"):
        kinds = up_to(load(name), "insert-casts")
        assert kinds["ring.up_cast"] == 0
        assert kinds["ring.convert"] == 0


@pytest.mark.parametrize("name", ["bert_f16", "gpt2_f16", "vit_f16"])
def test_calibrated_weights_are_shared_in_32_bits(name: str) -> None:
    """Without the guard, which reads small tensors in as many bits as it takes to be certain of their products."""
    module = load(name)
    plan = calibrate(module, DITTO, [model_inputs(module)])
    run_pipeline(module, Policy("ditto", guard=False, plan=plan))
    weights = [
        op.arguments[1]
        for op in ring.main(module).body.block.ops
        if isinstance(op, ring.MatmulOp) and is_argument(op.arguments[1]) and ring.fraction(op.arguments[1]) in (12, 13)
    ]
    assert len(weights) >= 7
    assert max(ring.width(weight) for weight in weights) <= 32


@pytest.mark.parametrize("name", ["bert_f16", "bert_f32", "gpt2_f16", "vit_f32"])
def test_softmax_and_layer_norm_are_fused(name: str) -> None:
    module = load(name)
    kinds = up_to(module, "assign-widths")
    ops = list(ring.main(module).body.block.ops)
    for op in ops:
        if isinstance(op, ring.MaxOp):
            assert op.get("drop") > 0
        if isinstance(op, ring.ExpOp):
            assert ring.fraction(op.arguments[0]) <= 10
            assert ring.width(op.result) <= 24
        if isinstance(op, ring.ReciprocalOp):
            assert op.get("lo") == -1
        if isinstance(op, ring.SquareOp):
            # Squares that are opened: one a row, of the mean.
            assert ring.shape(op.result)[-1] != 32
    assert kinds["ring.gelu"] >= 1
    lower_to_program(module)


def test_layers_are_named_by_parameters() -> None:
    module = load("bert_f16")
    arguments = ring.main(module).body.block.args
    names = ["x"] * len(arguments)
    matrices = [
        n for n, argument in enumerate(arguments) if "f" in str(argument.type) and len(ring.shape(argument)) == 2
    ]
    table = max(matrices, key=lambda n: math.prod(ring.shape(arguments[n])))
    names[table] = "params/bert/embeddings/word_embeddings/embedding"
    names[matrices[-1]] = "params/classifier/kernel"
    set_argument_names(module, names)
    up_to(module, "infer-layers")
    layers = [op.get("layer") for op in ring.main(module).body.block.ops if isinstance(op, ring.RingOp)]
    assert layers[0] == "bert/embeddings"
    assert layers[-1] == "classifier"


@pytest.mark.parametrize(
    ("path", "layer"),
    [
        ("params/bert/encoder/layer/0/attention/self/query/kernel", "bert/encoder/layer/0"),
        ("['params']['transformer']['h']['3']['ln_1']['scale']", "transformer/h/3"),
        ("params/bert/embeddings/LayerNorm/bias", "bert/embeddings"),
        ("params/classifier/kernel", "classifier"),
        ("variables/params/hidden/kernel", "hidden"),
        ("input_ids", None),
    ],
)
def test_layer_of(path: str, layer: str | None) -> None:
    assert layer_of(path) == layer


def test_the_program_is_complete() -> None:
    module = load("bert_f16")
    run_pipeline(module, DITTO)
    program = lower_to_program(module)
    text = json.loads(program.json)
    assert (text["format"], text["version"]) == ("ditto-program", 1)
    defined = {*text["inputs"], *text["constants"]}
    for op in text["ops"]:
        assert set(op["in"]) <= defined, op
        assert not defined & set(op["out"])
        defined |= set(op["out"])
    assert set(text["outputs"]) <= defined == set(range(len(text["values"])))
    assert len(program.inputs) == len(text["inputs"])
    for constant, number in zip(program.constants, text["constants"], strict=True):
        assert constant.dtype == np.int64
        assert list(constant.shape) == text["values"][number]["shape"]
    for slot, number in zip(program.inputs, text["inputs"], strict=True):
        value = text["values"][number]
        assert (slot.kind, list(slot.shape)) == (value["kind"], value["shape"])
        assert slot.kind != "fxp" or (slot.width, slot.fraction) == (value["width"], value["fraction"])


def test_public_arguments_become_public_inputs() -> None:
    module = load("public_mask")
    run_pipeline(module, DITTO)
    program = lower_to_program(module)
    assert [slot.secret for slot in program.inputs] == [True, False]
    assert [slot.dtype for slot in program.outputs] == ["f32"]


def test_lowering_is_deterministic() -> None:
    texts = set()
    for _ in range(2):
        module = load("gpt2_f16")
        run_pipeline(module, DITTO)
        texts.add(lower_to_program(module).json + ring.to_text(module))
    assert len(texts) == 1


@pytest.mark.parametrize("name", ["gpt2_f16", "public_mask", "constants", "movement"])
def test_ring_text_round_trip(name: str) -> None:
    """After every ring pass the module prints as text that reads back as the same module."""
    module = load(name)
    up_to(module, "split-public")
    for step in RING_STEPS:
        run_pipeline(module, DITTO, steps=[step])
        text = ring.to_text(module)
        assert ring.to_text(ring.parse_module(text)) == text


def test_ring_passes_are_quick() -> None:
    module = load("bert_f16")
    profile = cProfile.Profile()
    profile.runcall(run_pipeline, module, DITTO)
    # Function calls, not seconds, for two layers: 3.4 million, which are 0.4 seconds of a quiet machine.
    assert pstats.Stats(profile).total_calls < 10_000_000  # type: ignore[attr-defined]


def test_what_reads_a_value_is_found_over_any_number_of_paths() -> None:
    """2^3000 of them lead from the first sum to the product."""
    kind = "tensor<2x2x!ring.fxp<64, 18>>"
    sums = "".join(f"%{n + 1} = ring.add %{n}, %{n} : ({kind}, {kind}) -> {kind}\n" for n in range(3000))
    product = f"%r = ring.mul %3000, %3000 {{shift = 18 : i64}} : ({kind}, {kind}) -> {kind}"
    sign = f"%r = ring.msb %3000 {{bits = 64 : i64, drop = 0 : i64}} : ({kind}) -> tensor<2x2x!ring.bit>"
    for reader, made in ((product, kind), (sign, "tensor<2x2x!ring.bit>")):
        text = f"{reader}\nreturn %r : {made}"
        module = ring.parse_module(f"module {{ func.func @main(%0: {kind}) -> {made} {{\n{sums}{text} }} }}")
        block = ring.main(module).body.block
        assert block.first_op is not None
        assert (block.first_op.results[0] in read_by_products_alone(block)) == (reader == product)


def test_policies() -> None:
    assert get_policy("ditto", 10).fractions == {"FM32": 10, "FM64": 10}
    assert get_policy("ditto", {"FM32": 10}).fractions == {"FM32": 10, "FM64": 18}
    with pytest.raises(UnknownPolicy, match="'ditto' or 'fm64'"):
        get_policy("fm128")
    with pytest.raises(UnknownPolicy, match="FM128"):
        get_policy("ditto", {"FM128": 10})
    with pytest.raises(ValueError, match="fraction bits for FM32"):
        get_policy("ditto", {"FM32": 30})


def test_where_rounds_are_dear_there_are_fewer_of_more_bits() -> None:
    costs = []
    for round_trip in (0.0, 1.0):
        module = load("bert_f16_whole")
        run_pipeline(module, dataclasses.replace(DITTO, link=Link("test", 1e9, round_trip)))
        program = lower_to_program(module)
        costs.append(_core.Program(program.json, program.constants).cost())
    near, far = costs
    assert far["rounds"] < near["rounds"]
    assert far["offline"] + far["online"] > near["offline"] + near["online"]
