#!/usr/bin/env python3
"""Secure Transformer inference among three parties, measured against float32 and, if asked for, against SPU.

    python bench/bert_glue.py                                   # MiniLM embeds bench/data/pairs.tsv
    python bench/bert_glue.py --model bert-base --random-weights --seq-len 128 --baseline spu
    python bench/bert_glue.py --model DIR --task rte --data-dir glue/RTE
    python bench/bert_glue.py --config trial/3pc.json --identity trial/certificates/model-owner
    python bench/bert_glue.py --engine ray --trios 2 --pairs bench/data/unrated_pairs.tsv

Everything from the token ids to the logits (or the mean-pooled embedding) runs securely: ids, attention mask and
weights are secret. The cosine similarity of two revealed embeddings is computed by their owner, in the clear. With
--calibrate every value gets a scale and a range by what it is on other inputs (and with these weights: the largest
magnitude of each of their tensors is visible in the plan).
"""

from __future__ import annotations

import contextlib
import functools
import json as json_format
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum, StrEnum
from pathlib import Path
from typing import Annotated, Any

import glue
import numpy as np
import typer
import workload
from commandline import run_command
from output import Steps, say, show, with_range
from provenance import provenance, spread

import spu_ditto
from ditto.parties.config import read_config
from ditto.parties.connect import own_identity
from ditto.policy.link import get_link
from spu_ditto import models

DEFAULT_PAIRS = Path(__file__).parent / "data" / "pairs.tsv"


class Gelu(StrEnum):
    raw = "raw"
    quad = "quad"
    poly = "poly"


class Softmax(StrEnum):
    raw = "raw"
    two_quad = "2quad"
    two_relu = "2relu"


class Policy(StrEnum):
    ditto = "ditto"
    fm64 = "fm64"


class Parties(StrEnum):
    simulator = "simulator"
    processes = "processes"


class Baseline(StrEnum):
    spu = "spu"


TaskName = Enum("TaskName", {name: name for name in glue.TASKS}, type=str)  # type: ignore[misc]


class Engine(StrEnum):
    local = "local"
    ray = "ray"


@contextlib.contextmanager
def trios_of(engine: Engine, trios: int | None, opened: Callable[[], Any]) -> Iterator[workload.Parties]:
    """One trio that `opened` opens, or several on a Ray cluster."""
    if engine is Engine.local:
        yield workload.Parties(opened)
        return
    try:
        from ditto.parties.on_ray import on_ray, ray_cluster
    except ModuleNotFoundError as error:
        raise typer.BadParameter(f"{error}; it comes with the extra of Ray: pip install 'spu-ditto[ray]'") from error
    with ray_cluster(trios) as room:
        say(f"trios at a time on the Ray cluster: {room}")
        yield workload.Parties(on_ray, room)


def opener(parties: Parties, network: str | None, config: Path | None, identity: str | None) -> Callable[[], Any]:
    """Opens three parties: the nodes of a configuration, three processes over TCP, or three threads of this one."""
    if config is not None:
        return functools.partial(spu_ditto.connect, config, identity=identity)
    if parties is Parties.processes:
        return functools.partial(spu_ditto.processes, network=network)
    return lambda: spu_ditto.use_runtime(spu_ditto.Simulator(network=network))


def similarity_rows(examples: glue.Examples, secure: Any, plain: Any) -> tuple[list[tuple[Any, ...]], Any, Any]:
    """Per pair its sentences and both similarities; embeddings alternate between first and second sentences."""
    ours, reference = (models.cosine(e[0::2], e[1::2]) for e in (secure, plain))
    assert examples.second is not None
    return list(zip(examples.first, examples.second, ours, reference, strict=True)), ours, reference


def class_numbers(outputs: Any, task: glue.Task) -> list[float]:
    """The predicted classes, or the predicted scores of a regression."""
    return outputs[:, 0].tolist() if not task.labels else np.argmax(outputs, axis=-1).tolist()


def show_pairs(rows: list[tuple[Any, ...]]) -> None:
    """The similarities of all pairs in the first draw, secure and not."""
    cells = [[one, two, f"{s:.4f}", f"{f:.4f}", f"{abs(s - f):.4f}"] for one, two, s, f in rows]
    show("Cosine similarity", ("sentence 1", "sentence 2", "secure", "float32", "difference"), cells, texts=2)


def show_cost(result: dict[str, Any]) -> None:
    """The measured numbers, for people."""
    sizes, times, spu = result["bytes"], result["spread"], result["baseline"]
    draws = len(result["max_abs_error"]["all"])
    rows: list[tuple[str, Any, str]] = [
        (f"largest error against float32, {draws} draw{'s' if draws > 1 else ''}", result["max_abs_error"], ".5f"),
        ("same label as float32", result["label_agreement"], ".3f"),
        ("seconds, compilation, once", result["seconds"]["compile"], ".2f"),
        ("seconds of a run, offline included", times["total"], ".2f"),
        ("seconds of the online part, in runs of its own", times["online"], ".2f"),
        ("bytes an inference, all parties, offline", sizes["offline"], ",.0f"),
        ("bytes an inference, all parties, online", sizes["online"], ",.0f"),
        ("bytes an inference, all parties, total", sizes["total"], ",.0f"),
        *((f"bytes an inference, sent by P{n}", b, ",.0f") for n, b in enumerate(sizes["per_party_sent"])),
        ("bytes for sharing weights and first inputs", sizes["input"], ",.0f"),
        ("online rounds an inference", result["rounds"], ",.0f"),
        ("peak memory of the three parties, bytes", result["peak_rss_bytes"], ",.0f"),
    ]
    if result["metric"]:
        rows[1:1] = [(f"{result['metric']['name']}, {k}", result["metric"][k], ".4f") for k in ("secure", "float32")]
    if spu:
        rows += [
            ("SPU: seconds of a run", spu["spread"], ".2f"),
            ("SPU: bytes an inference, all parties", spu["bytes_total"], ",.0f"),
            ("SPU: largest error against float32, once", spu["max_abs_error"], ".5f"),
        ]
    title = (
        f"{result['model']}, {result['seq_len']} tokens, policy {result['policy']}; in brackets the least and the most"
    )
    cells = [
        (name, with_range(v, form) if isinstance(v, dict) else format(v, form))
        for name, v, form in rows
        if v is not None
    ]
    show(title, ("measure", "value"), cells)


def diverge(batches: Sequence[workload.Batch], options: dict[str, Any]) -> spu_ditto.Divergence:
    """The program that was measured, beside real numbers; of batches of one model."""
    model = batches[0].model
    return spu_ditto.divergence(model.apply, *((model.params, batch.inputs) for batch in batches), **options)


def show_divergence(found: spu_ditto.Divergence) -> None:
    """Which layers lose how much, and in what line of the model."""
    cells = []
    for layer in found.layers:
        at, spare = layer.deviation, layer.headroom_bits
        errors = (
            [""] * 3 if at is None else [f"{n:.2g}" for n in (at.max_error, at.relative_error, at.mean_relative_error)]
        )
        place = "" if at is None or at.place is None else str(at.place)
        cells.append([layer.name, place, *errors, "" if spare is None else f"{spare:.1f}"])
    title = f"Layers of a secure run beside real numbers, {found.samples} sample{'s' if found.samples > 1 else ''}"
    show(title, ("layer", "place of the largest error", "error", "relative", "mean", "spare bits"), cells, texts=2)
    print(found.verdict)


def main(
    pairs: Annotated[
        Path | None, typer.Option(help="Sentence pairs in STS-B's layout, with or without scores.")
    ] = None,
    model: Annotated[str, typer.Option(help="A directory, minilm, bert-base, bert-large, gpt2 or vit.")] = "minilm",
    random_weights: Annotated[bool, typer.Option("--random-weights", help="Draw the weights at random.")] = False,
    layers: Annotated[int | None, typer.Option(min=1, help="Keep only the first so many layers.")] = None,
    seq_len: Annotated[int | None, typer.Option(min=1, help="Tokens per sequence [pairs: 32, else 128].")] = None,
    batch: Annotated[int, typer.Option(min=1, help="Sequences per execution.")] = 1,
    task: Annotated[TaskName | None, typer.Option(help="A GLUE task, with --data-dir.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="The folder with the task's TSV files.")] = None,
    gelu: Annotated[Gelu, typer.Option(help="GELU itself, or what some put in its place.")] = Gelu.raw,
    softmax: Annotated[Softmax, typer.Option(help="Softmax itself, or what some put in its place.")] = Softmax.raw,
    policy: Annotated[Policy, typer.Option(help="A ring for every dtype, or 64 bits for all values.")] = Policy.ditto,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Choose scales by inputs other than those measured.")
    ] = False,
    parties: Annotated[
        Parties, typer.Option(help="Three processes over TCP, or three threads of this one.")
    ] = Parties.processes,
    config: Annotated[
        Path | None, typer.Option(help="Run on the nodes of this configuration, wherever they are.")
    ] = None,
    identity: Annotated[
        str | None, typer.Option(help="With --config: your .pem and .key, without the ending [$DITTO_IDENTITY].")
    ] = None,
    engine: Annotated[
        Engine, typer.Option(help="One trio of parties, or as many at a time as a Ray cluster has room for.")
    ] = Engine.local,
    trios: Annotated[
        int | None,
        typer.Option(min=1, help="With --engine ray: at most so many [all; without $RAY_ADDRESS 1, on this machine]."),
    ] = None,
    link: Annotated[
        str | None,
        typer.Option(
            "--network",
            help="What lies between the parties: lan, wan, or such as 400mbit,40ms. With --config or --engine ray "
            "only what the program is compiled for.",
        ),
    ] = None,
    divergence: Annotated[
        bool, typer.Option("--divergence", help="Also tell which layers lose how much, on up to three batches.")
    ] = False,
    baseline: Annotated[Baseline | None, typer.Option(help="Also run SPU 0.9.5 with PUMA's functions.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write the results to this file.")] = None,
) -> None:
    """Runs a Transformer among three parties and compares it with float32."""
    arguments = dict(locals())
    if (task is None) != (data_dir is None):
        raise typer.BadParameter("--task and --data-dir go together")
    if pairs is not None and task is not None:
        raise typer.BadParameter("--pairs and --task exclude each other")
    if sum((config is not None, engine is Engine.ray, parties is Parties.simulator)) > 1:
        raise typer.BadParameter("--config, --engine ray and --parties simulator exclude each other")
    if identity is not None and config is None:
        raise typer.BadParameter("--identity goes with --config")
    if trios is not None and engine is not Engine.ray:
        raise typer.BadParameter("--trios goes with --engine ray")
    glue_task = None if task is None else glue.TASKS[task.value]
    source: dict[str, Any] = {"source": model, "random_weights": random_weights, "layers": layers}
    if glue_task is not None:
        source["num_labels"] = len(glue_task.labels) or 1
    functions: dict[str, Any] = {"activation": gelu.value, "attention": softmax.value}
    say(f"loading {model}")
    try:
        if link is not None:
            get_link(link)
        if config is not None:
            read_config(config)
            own_identity(identity)
        network = models.load(**source, **functions)
        if glue_task is not None:
            assert data_dir is not None
            examples = glue.read(glue_task, data_dir)
        elif network.task == "feature-extraction":
            glue_task = glue.TASKS["stsb"]
            examples = glue.read(glue_task, pairs or DEFAULT_PAIRS, rated=False)
        elif pairs is not None:
            raise typer.BadParameter(f"--pairs needs a sentence-embedding model, and {model} is none")
        else:
            examples = None
    except spu_ditto.DittoError as error:
        raise typer.BadParameter(str(error)) from error
    similarity = network.task == "feature-extraction"
    length = seq_len or (32 if similarity else 128)
    batches: Iterable[workload.Batch]
    seeds: Sequence[int] = (0,)
    if examples is not None:
        texts = examples.first
        if similarity and examples.second is not None:
            texts = [text for pair in zip(examples.first, examples.second, strict=True) for text in pair]
        encoded = network.encode(texts, None if similarity else examples.second, length)
        batches = workload.batches_of(network, encoded, batch)
        executions, samples = len(batches), len(texts)
    elif random_weights:
        batches = workload.random_batches(lambda seed: models.load(**source, **functions, seed=seed), batch, length)
        executions, samples, seeds = workload.SEEDS, workload.SEEDS * batch, range(workload.SEEDS)
    else:
        batches = [workload.Batch(network, network.make_inputs(batch, length), batch)]
        executions, samples = 1, batch

    draws = workload.draws_of(batches)
    calibration = workload.calibration_inputs(network, batch, length) if calibrate else ()
    say("compiling")
    try:
        with trios_of(engine, trios, opener(parties, link, config, identity)) as running:
            measured = workload.measure(
                batches,
                policy.value,
                Steps(workload.steps(executions * draws)),
                running,
                calibration,
                link or "LAN",
                draws,
            )
    except spu_ditto.RuntimeFailure as error:
        raise typer.BadParameter(str(error)) from error

    secure, plain = [np.concatenate(draw) for draw in measured.secure], np.concatenate(measured.float32)
    metric: dict[str, Any] | None = None
    agreement: float | None = None
    if similarity:
        assert examples is not None
        found = [similarity_rows(examples, draw, plain) for draw in secure]
        show_pairs(found[0][0])
        print("Pooling ran securely; the similarity was computed from the revealed embeddings, by their owner.")
        errors = [float(np.max(np.abs(ours - reference))) for _, ours, reference in found]
        predicted = [ours.tolist() for _, ours, _ in found], found[0][2].tolist()
    else:
        pairs_of = [(draw, plain) for draw in secure]
        if not isinstance(batches, list):
            pairs_of = list(zip(measured.secure[0], measured.float32, strict=True))
        errors = [workload.relative_error(*pair) for pair in pairs_of]
        agreement = float(np.mean([np.argmax(draw, -1) == np.argmax(plain, -1) for draw in secure]))
        if glue_task is not None:
            predicted = [class_numbers(draw, glue_task) for draw in secure], class_numbers(plain, glue_task)
    if glue_task is not None and examples is not None and examples.targets is not None:
        scores = [glue.score(glue_task, values, examples.targets) for values in predicted[0]]
        metric = {
            "name": glue_task.metric,
            "secure": spread(scores),
            "float32": glue.score(glue_task, predicted[1], examples.targets),
        }

    diverging: spu_ditto.Divergence | None = None
    if divergence:
        say("comparing layer by layer")
        some = batches[: workload.REPETITIONS] if isinstance(batches, list) else [measured.first]
        diverging = diverge(some, workload.options(some[0].model, policy.value, calibration, link or "LAN"))
        show_divergence(diverging)

    compared: dict[str, Any] | None = None
    if baseline is not None:
        say("running SPU's own ABY3 with PUMA's functions on the first batch, three times")
        try:
            compared = workload.spu_baseline(source, measured.first)
        except subprocess.CalledProcessError as failure:
            raise typer.BadParameter(f"SPU ended with status {failure.returncode}; see its messages above") from failure
        output = compared.pop("output")
        compared["max_abs_error"] = workload.relative_error(output, measured.float32[0])

    result = {
        "made_with": provenance(arguments, seeds),
        "model": network.name,
        "policy": policy.value,
        "seq_len": length,
        "network": link,
        "samples": samples,
        "trios": running.trios,
        "max_abs_error": spread(errors),
        "label_agreement": agreement,
        "metric": metric,
        **workload.cost(measured, batch),
        "baseline": compared,
        "divergence": None if diverging is None else diverging.to_json(),
    }
    show_cost(result)
    if json is not None:
        json.write_text(json_format.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    run_command(main)
