"""From texts and pictures to answers: those of transformers' pipelines, of the same directories."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import spu_ditto
from spu_ditto import models
from tests.nn.directories import ROOT, Directory


def expect_alike(found: Any, expected: Any) -> None:
    """The same but for what the last bits of numbers change."""
    if isinstance(expected, dict):
        assert list(sorted(found)) == list(sorted(expected))
        for name, value in expected.items():
            expect_alike(found[name], value)
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected):
            expect_alike(one, other)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, abs=5e-3)
    else:
        assert found == expected


@pytest.mark.parametrize("path", sorted(ROOT.glob("*/pipeline.json")), ids=lambda path: path.parent.name)
def test_the_same_answers(path: Any) -> None:
    told = json.loads(path.read_text())
    arguments = told["arguments"]
    texts = [arguments.pop(name) for name in ("inputs", "text_inputs", "args") if name in arguments]
    for setting in ("do_sample", "num_beams"):
        arguments.pop(setting, None)
    answer = spu_ditto.pipeline(told["task"], path.parent)
    expect_alike(answer(*texts, **arguments), told["result"])


def test_several_texts() -> None:
    classify = spu_ditto.pipeline(model=Directory("bert-sequence").path)
    one, other = classify(["the cat sleeps", "a dog runs far away"])
    assert one["label"] in classify._labels and one["label"] == classify("the cat sleeps")[0]["label"]
    assert set(other) == {"label", "score"}


def test_minilm_embeds_alike_what_is_alike() -> None:
    embed = spu_ditto.pipeline("feature-extraction", models.load("minilm", layers=3))
    cat, kitten, market = embed(["A cat sleeps.", "A kitten naps.", "The market fell sharply today."])
    assert models.cosine(cat, kitten) > models.cosine(cat, market)


@pytest.mark.parametrize("name", ["vit-image", "resnet-image"])
def test_pictures_get_labels(name: str) -> None:
    model = models.load(Directory(name).path)
    picture = np.random.default_rng(0).integers(0, 256, (40, 52, 3)).astype(np.uint8)
    logits = np.asarray(model.reference(model.params, model.encode_images(picture)))[0]
    found = spu_ditto.pipeline(model=model)(picture)
    assert model.labels is not None
    assert [one["label"] for one in found] == [model.labels[n] for n in np.argsort(-logits)]
    chances = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    np.testing.assert_allclose([one["score"] for one in found], np.sort(chances)[::-1], atol=5e-3)


def test_what_cannot_be_answered_is_refused() -> None:
    classify = spu_ditto.pipeline(model=Directory("bert-sequence").path)
    with pytest.raises(spu_ditto.UnsupportedError, match="the text has 42 tokens, and 16 are the most"):
        classify("the cat " * 20)
    with pytest.raises(spu_ditto.UnsupportedError, match="is called with a text"):
        classify()
    with pytest.raises(spu_ditto.UnsupportedError, match=r"is called with question=\.\.\. and context="):
        spu_ditto.pipeline(model=Directory("bert-qa").path)("who sleeps")
    with pytest.raises(spu_ditto.UnsupportedError, match="fill-mask takes a text with one word to be found, not 0"):
        spu_ditto.pipeline(model=Directory("bert-mlm").path)("the cat sleeps")
    with pytest.raises(spu_ditto.UnsupportedError, match="no tokenizer in the directory of albert-sequence"):
        spu_ditto.pipeline(model=Directory("albert-sequence").path)
    with pytest.raises(spu_ditto.UnsupportedError, match="is uint8 .*, not float32"):
        spu_ditto.pipeline(model=Directory("vit-image").path)(np.zeros((20, 20, 3), np.float32))
    with pytest.raises(spu_ditto.UnsupportedError, match="does not do fill-mask; load it with task='fill-mask'"):
        spu_ditto.pipeline("fill-mask", models.load(Directory("bert-qa").path))
    with pytest.raises(spu_ditto.UnsupportedError, match="no pipeline for audio-feature-extraction"):
        spu_ditto.pipeline(model=Directory("whisper-encoder").path)
