"""Teaching a student: losses against a teacher, AdamW, checkpoints that training goes on from.

A stage that is `quantisation_aware` runs the student as the parties will: rounded, which its gradient does not see.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from safetensors.numpy import load_file, save_file

import spu_ditto
from spu_ditto.distill.emulate import emulated
from spu_ditto.distill.emulate_kernels import nearest
from spu_ditto.distill.recipe import Stage
from spu_ditto.models import Model
from spu_ditto.nn.scope import flat, tree_of

Array = np.ndarray[Any, Any]
Weights = dict[str, Any]

_CLIP, _DECAY = 1.0, 0.01
# How often the dev set is looked at, and a checkpoint is written.
_EVERY = 50
# Texts that a program to train through is calibrated on.
_CALIBRATE_ON = 128
# Fraction bits of weights and biases where these alone are rounded.
_WEIGHT_BITS, _BIAS_BITS = 10, 20


@dataclass(frozen=True)
class Data:
    """Encoded texts or pictures, and the numbers of their classes."""

    inputs: dict[str, Array]
    labels: Array

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.labels)

    def rows(self, numbers: Any) -> tuple[dict[str, Array], Array]:
        """Some of them."""
        return {name: array[numbers] for name, array in self.inputs.items()}, self.labels[numbers]


def _observed(model: Model, weights: Weights, inputs: Any) -> tuple[jax.Array, list[jax.Array], list[jax.Array]]:
    """Logits, hidden states and scores."""
    hidden: list[jax.Array] = []
    scores: list[jax.Array] = []

    def note(name: str, value: jax.Array) -> None:
        if name.endswith(".hidden"):
            hidden.append(value)
        if name.endswith(".scores"):
            scores.append(value)

    return model.run(tree_of(weights), inputs, {}, note), hidden, scores


Observed = tuple[jax.Array, list[jax.Array], list[jax.Array]]
# Of weights, inputs, and the key of the coins; without one there are none.
Forward = Callable[[Weights, Any, jax.Array | None], Observed]


def _forward(student: Model, stage: Stage, data: Data) -> Forward:
    """The student as the stage runs it."""
    if stage.quantisation_aware == "weights":
        return lambda weights, inputs, key: _observed(student, _rounded(weights), inputs)
    if stage.quantisation_aware is None:
        return lambda weights, inputs, key: _observed(student, weights, inputs)
    samples = calibration_samples(student, data, -(-_CALIBRATE_ON // stage.batch), stage.batch)
    lowered = spu_ditto.compile(student.apply, calibration=samples).lower(*samples[0])
    return lambda weights, inputs, key: (emulated(lowered, key)(tree_of(weights), inputs), [], [])


def calibration_samples(model: Model, data: Data, count: int, batch: int) -> list[tuple[Any, Any]]:
    """Arguments to calibrate a model on: so many batches, from the beginning of the data, and again if they are few."""
    numbers = np.arange(count * batch).reshape(-1, batch) % data.count
    return [(model.params, data.rows(row)[0]) for row in numbers]


def _rounded(weights: Weights) -> Weights:
    units = {name: 2.0 ** -(_BIAS_BITS if name.endswith("bias") else _WEIGHT_BITS) for name in weights}
    return {name: nearest(jnp.asarray(weight) / units[name]) * units[name] for name, weight in weights.items()}


def _loss(stage: Stage, student: Any, teacher: Any, mask: jax.Array | None, labels: jax.Array) -> jax.Array:
    logits, hidden, scores = student
    known, known_hidden, known_scores = teacher
    total = jnp.float32(0)
    rows = None if mask is None else mask[:, :, None] > 0
    if stage.hidden:
        errors = [_mean_square(mine - theirs, rows) for mine, theirs in zip(hidden, known_hidden, strict=True)]
        total += stage.hidden * sum(errors) / len(errors)
    if stage.scores:
        pairs = None if mask is None else (mask[:, None, :, None] > 0) & (mask[:, None, None, :] > 0)
        errors = [_mean_square(mine - theirs, pairs) for mine, theirs in zip(scores, known_scores, strict=True)]
        total += stage.scores * sum(errors) / len(errors)
    if stage.logits:
        total -= stage.logits * jnp.mean(jnp.sum(jax.nn.softmax(known) * jax.nn.log_softmax(logits), axis=-1))
    if stage.tokens:
        total += stage.tokens * _mean_square(_normalised(hidden[-1]) - _normalised(known_hidden[-1]), rows)
    if stage.labels:
        total += stage.labels * jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, labels))
    result: jax.Array = total
    return result


def _normalised(hidden: jax.Array) -> jax.Array:
    """Tokens of mean 0 and variance 1."""
    centred = hidden - jnp.mean(hidden, axis=-1, keepdims=True)
    return centred * jax.lax.rsqrt(jnp.mean(jnp.square(centred), axis=-1, keepdims=True) + 1e-6)


def _mean_square(errors: jax.Array, counted: jax.Array | None) -> jax.Array:
    if counted is None:
        return jnp.mean(jnp.square(errors))
    counted = jnp.broadcast_to(counted, errors.shape)
    total: jax.Array = jnp.sum(jnp.where(counted, jnp.square(errors), 0))
    return total / jnp.sum(counted)


def predictions(model: Model, data: Data, batch: int = 64) -> Array:
    """Logits [texts, classes] in float32, in the clear."""
    run = jax.jit(model.reference)
    return _predictions(lambda inputs: run(model.params, inputs), data, batch)


def _predictions(run: Callable[[Any], jax.Array], data: Data, batch: int) -> Array:
    """Logits of batches of one size; the last one is filled up."""
    starts = range(0, data.count, batch)
    rows = [np.minimum(np.arange(start, start + batch), data.count - 1) for start in starts]
    logits: Array = np.concatenate([np.asarray(run(data.rows(numbers)[0])) for numbers in rows])
    return logits[: data.count]


def accuracy(logits: Array, labels: Array) -> float:
    """The part of the texts whose likeliest class is the true one."""
    return float(np.mean(np.argmax(logits, axis=-1) == labels))


def train(
    student: Model,
    teacher: Model | None,
    stage: Stage,
    data: Data,
    dev: Data,
    folder: Path,
    *,
    seed: int = 0,
    penalty: Callable[[Weights], jax.Array] | None = None,
    told: Callable[[int, dict[str, float]], None] = lambda step, metrics: None,
) -> Model:
    """Trains a student for a stage; the weights that did best on `dev` are what it ends with, or, with a penalty, of
    which `dev` knows nothing, the last ones.

    A checkpoint is written to `folder` at every fiftieth step, whole or not at all; where there is one of the same
    stage, training goes on from it, with the same batches as if it had never stopped.

    Args:
        teacher: whom to imitate; None where the stage learns from labels alone.
        penalty: of the weights by name, added to the loss.
        told: called after every step with its number from 1, and its loss; with the accuracy on `dev` where it was
            looked at.
    """
    weights: Weights = dict(flat(student.params))
    learnt = [name for name in weights if not name.startswith(stage.frozen or ("\0",))]
    optimiser = _optimiser(stage, learnt)
    state: Any = optimiser.init({name: weights[name] for name in learnt})
    checkpoint = _Checkpoint(folder, stage, seed)
    forward = _forward(student, stage, data)
    logits_of = jax.jit(lambda weights, inputs: forward(weights, inputs, None)[0])

    def right(weights: Weights) -> float:
        """The part of the dev texts that the student gets right."""
        return accuracy(_predictions(lambda inputs: logits_of(weights, inputs), dev, stage.batch), dev.labels)

    # What is learnt has to be better than what was there.
    first, best, chosen = 0, right(weights), weights
    if (found := checkpoint.read(state)) is not None:
        first, best, trained, chosen_trained, state = found
        weights, chosen = {**weights, **trained}, {**weights, **chosen_trained}

    def loss_of(trained: Weights, fixed: Weights, inputs: Any, labels: Any, known: Any, key: jax.Array) -> jax.Array:
        weights = {**fixed, **trained}
        loss = _loss(stage, forward(weights, inputs, key), known, inputs.get("attention_mask"), labels)
        return loss if penalty is None else loss + penalty(weights)

    @jax.jit
    def step_of(
        trained: Weights, fixed: Weights, state: Any, inputs: Any, labels: Any, known: Any, key: jax.Array
    ) -> Any:
        loss, slope = jax.value_and_grad(loss_of)(trained, fixed, inputs, labels, known, key)
        changes, state = optimiser.update(slope, state, trained)
        return optax.apply_updates(trained, changes), state, loss

    asked = jax.jit(lambda weights, inputs: _observed(teacher, weights, inputs)) if teacher is not None else None
    taught = dict(flat(teacher.params)) if teacher is not None else {}
    fixed = {name: weight for name, weight in weights.items() if name not in learnt}
    trained = {name: weights[name] for name in learnt}
    order = (
        np.random.default_rng(seed)
        .permuted(np.resize(np.arange(data.count), (-(-stage.steps * stage.batch // data.count), data.count)), axis=1)
        .ravel()
    )
    for step in range(first, stage.steps):
        inputs, labels = data.rows(order[step * stage.batch : (step + 1) * stage.batch])
        known = asked(taught, inputs) if asked is not None else (None, [], [])
        key = jax.random.fold_in(jax.random.key(seed), step)
        trained, state, loss = step_of(trained, fixed, state, inputs, labels, known, key)
        metrics = {"loss": float(loss)}
        if (step + 1) % _EVERY == 0 or step + 1 == stage.steps:
            now = {**fixed, **trained}
            metrics["dev"] = right(now)
            if metrics["dev"] >= best or penalty is not None:
                best, chosen = metrics["dev"], now
            checkpoint.write(step + 1, best, trained, {name: chosen[name] for name in learnt}, state)
        told(step + 1, metrics)
    return _with(student, _rounded(chosen) if stage.quantisation_aware == "weights" else chosen)


def _with(model: Model, weights: Weights) -> Model:
    return dataclasses.replace(model, params=tree_of({name: np.asarray(w, np.float32) for name, w in weights.items()}))


def _optimiser(stage: Stage, learnt: Sequence[str]) -> optax.GradientTransformation:
    warm = max(1, round(stage.warmup * stage.steps))
    rising = optax.linear_schedule(0.0 if stage.warmup else stage.rate, stage.rate, warm)
    falling = optax.linear_schedule(stage.rate, 0.0 if stage.decay == "linear" else stage.rate, stage.steps - warm)
    rates = optax.join_schedules([rising, falling], [warm])
    # Biases, norms and what chooses among stand-ins are not made smaller.
    decayed = {name: not name.endswith(("bias", "choice")) and "norm" not in name.lower() for name in learnt}
    return optax.chain(
        optax.clip_by_global_norm(_CLIP),
        optax.adamw(rates, weight_decay=_DECAY, mask=lambda _: decayed),
    )


class _Checkpoint:
    """Where training can go on from."""

    def __init__(self, folder: Path, stage: Stage, seed: int) -> None:
        self._path = folder / "checkpoint.safetensors"
        self._made_by = json.dumps({"stage": stage.model_dump(mode="json"), "seed": seed}, sort_keys=True)

    def read(self, state: Any) -> tuple[int, float, Weights, Weights, Any] | None:
        if not self._path.is_file():
            return None
        stored = load_file(self._path)
        if bytes(stored.pop("made_by")).decode() != self._made_by:
            return None
        step, best = int(stored.pop("step")), float(stored.pop("best"))
        leaves, structure = jax.tree_util.tree_flatten(state)
        state = jax.tree_util.tree_unflatten(
            structure, [jnp.asarray(stored.pop(f"state.{n}")) for n in range(len(leaves))]
        )
        parts: dict[str, Weights] = {"now": {}, "best": {}}
        for name, array in stored.items():
            part, _, rest = name.partition(":")
            parts[part][rest] = array
        return step, best, parts["now"], parts["best"], state

    def write(self, step: int, best: float, trained: Weights, chosen: Weights, state: Any) -> None:
        stored: Weights = {"step": np.int64(step).reshape(()), "best": np.float64(best).reshape(())}
        stored["made_by"] = np.frombuffer(self._made_by.encode(), np.uint8).copy()
        stored |= {f"state.{n}": np.asarray(leaf) for n, leaf in enumerate(jax.tree_util.tree_leaves(state))}
        stored |= {f"now:{name}": np.asarray(weight) for name, weight in trained.items()}
        stored |= {f"best:{name}": np.asarray(weight) for name, weight in chosen.items()}
        part = self._path.with_suffix(".part")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        save_file({name: np.ascontiguousarray(array) for name, array in stored.items()}, part)
        os.replace(part, self._path)
