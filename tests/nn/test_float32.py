"""Networks are transformers' own: the same results in float32 of the same directories."""

from __future__ import annotations

import numpy as np
import pytest

from spu_ditto import models
from spu_ditto.nn.registry import FAMILIES
from tests.nn.directories import NAMES, Directory

# These take the networks of a family that is here.
SAME = {"camembert", "xlm-roberta"}


@pytest.mark.parametrize("name", NAMES)
def test_float32(name: str) -> None:
    directory = Directory(name)
    model = models.load(directory.path)
    result = directory.seen(model.reference(model.params, directory.inputs), model.task)
    expected = directory.seen(directory.expected(model.task), model.task)
    assert result.shape == expected.shape
    np.testing.assert_allclose(result, expected, atol=1e-5 * np.max(np.abs(expected)))


def test_every_family_and_task_is_looked_at() -> None:
    loaded = [models.load(Directory(name).path) for name in NAMES]
    assert {model.config["model_type"] for model in loaded} == set(FAMILIES) - SAME
    looked_at = {(model.config["model_type"], model.task) for model in loaded}
    # The same hidden states as of the other tasks, pooled as everywhere.
    pooled = {"feature-extraction", "image-feature-extraction"}
    all_of_them = {(name, task) for name, family in FAMILIES.items() if name not in SAME for task in family.variants}
    missing = {pair for pair in all_of_them - looked_at if pair[1] not in pooled}
    assert missing == {(name, "text-classification") for name in ("gemma", "mistral", "qwen2")}


@pytest.mark.parametrize("name", ["clip-model", "t5-lm", "bart-lm", "llama-causal", "resnet-image"])
def test_features_of_models_for_other_tasks(name: str) -> None:
    directory = Directory(name)
    whole = models.load(directory.path)
    for task in ("feature-extraction", "image-feature-extraction"):
        if task not in whole.family.variants:
            continue
        model = models.load(directory.path, task=task)
        result = model.reference(model.params, directory.inputs)
        assert result.shape == (2, model.width)
        assert np.isfinite(result).all()


def test_clip_compares_its_features() -> None:
    directory = Directory("clip-model")
    features = []
    for task, known in (("image-feature-extraction", "image_embeds"), ("feature-extraction", "text_embeds")):
        model = models.load(directory.path, task=task)  # type: ignore[arg-type]
        result = np.asarray(model.reference(model.params, directory.inputs))
        features.append(result / np.linalg.norm(result, axis=-1, keepdims=True))
        np.testing.assert_allclose(features[-1], directory.arrays[f"output_{known}"], atol=1e-5)


@pytest.mark.parametrize("name", ["bert-sequence", "gpt2-causal", "roberta-sequence", "t5-lm"])
def test_texts_are_cut_into_the_same_tokens(name: str) -> None:
    directory = Directory(name)
    model = models.load(directory.path)
    texts = [str(text) for text in np.atleast_1d(directory.arrays["text"])]
    ids, mask = (directory.arrays[f"output_{what}_of_text"] for what in ("input_ids", "attention_mask"))
    encoded = model.encode(texts[: len(ids)], seq_len=ids.shape[1])
    np.testing.assert_array_equal(encoded["input_ids"], ids)
    np.testing.assert_array_equal(encoded["attention_mask"], mask)


def test_what_pads_does_not_matter() -> None:
    directory = Directory("roberta-sequence")
    model = models.load(directory.path)
    inputs = directory.inputs
    other = {**inputs, "input_ids": np.where(inputs["attention_mask"] > 0, inputs["input_ids"], 7)}
    np.testing.assert_allclose(model.reference(model.params, inputs), model.reference(model.params, other), atol=1e-6)
