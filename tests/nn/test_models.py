"""Models: Ditto's dtypes, what a directory may hold, and errors that name what it lacks."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import transformers
from safetensors.numpy import load_file, save_file

from spu_ditto import models
from spu_ditto.errors import UnsupportedError
from spu_ditto.nn.forms import poly_gelu
from spu_ditto.nn.scope import flat
from tests.nn.directories import Directory

SENTENCES = ["A cat sleeps on the sofa.", "The market fell sharply today."]


@pytest.fixture(scope="module")
def minilm() -> models.Model:
    return models.load("minilm", layers=2)


def _dots(model: models.Model, inputs: Any) -> tuple[Counter[str], Counter[str]]:
    """Dtypes of the dots and of the exponentials and inverse roots in a model's trace."""
    dots: Counter[str] = Counter()
    others: Counter[str] = Counter()

    def visit(jaxpr: Any) -> None:
        for eqn in jaxpr.eqns:
            name = eqn.primitive.name
            if name in ("dot_general", "conv_general_dilated"):
                dots[str(eqn.outvars[0].aval.dtype)] += 1
            if name in ("exp", "rsqrt", "tanh", "erfc"):
                others[f"{name}:{eqn.outvars[0].aval.dtype}"] += 1
            for inner in jax.core.jaxprs_in_params(eqn.params):
                visit(inner)

    visit(jax.make_jaxpr(model.apply)(model.params, inputs).jaxpr)
    return dots, others


def test_minilm_is_hugging_faces_model(minilm: models.Model) -> None:
    inputs = minilm.encode(SENTENCES, seq_len=16)
    stock = transformers.FlaxBertModel.from_pretrained(
        models._minilm_directory(), config=transformers.BertConfig(**minilm.config), add_pooling_layer=False
    )
    hidden = stock(**inputs).last_hidden_state
    expected = models.mean_pool(hidden, jnp.asarray(inputs["attention_mask"]))
    np.testing.assert_allclose(minilm.reference(minilm.params, inputs), expected, atol=1e-6)


def test_float16_layers_change_little(minilm: models.Model) -> None:
    inputs = minilm.encode(SENTENCES, seq_len=16)
    mixed, exact = minilm.apply(minilm.params, inputs), minilm.reference(minilm.params, inputs)
    assert mixed.dtype == jnp.float32
    np.testing.assert_allclose(mixed, exact, atol=0.01)


def test_bert_has_dittos_dtypes(minilm: models.Model) -> None:
    dots, others = _dots(minilm, minilm.encode(SENTENCES, seq_len=16))
    # Per layer: query, key, value, output, two of attention, two of the feed-forward part. The pooling is float32.
    assert dots == {"float16": 2 * 8, "float32": 1}
    assert others == {"erfc:float16": 2, "exp:float32": 2, "rsqrt:float32": 1 + 2 * 2}


@pytest.mark.parametrize(
    ("name", "dots", "functions"),
    [
        # Of two layers. The head is float32, and so are the pooler of BERT and the squares of ViT.
        ("bert-sequence", {"float16": 16, "float32": 2}, {"erfc:float16": 2, "tanh:float32": 1, "rsqrt:float32": 5}),
        ("gpt2-causal", {"float16": 12, "float32": 1}, {"tanh:float16": 2, "rsqrt:float32": 5}),
        ("vit-image", {"float16": 16, "float32": 2}, {"erfc:float16": 2, "rsqrt:float32": 5}),
    ],
)
def test_every_model_has_dittos_dtypes(name: str, dots: dict[str, int], functions: dict[str, int]) -> None:
    model, inputs = models.load(Directory(name).path), Directory(name).inputs
    counted, others = _dots(model, inputs)
    assert counted == dots
    assert others == {**functions, "exp:float32": 2}
    mixed, exact = model.apply(model.params, inputs), model.reference(model.params, inputs)
    assert np.max(np.abs(mixed - exact)) < 0.01 * np.max(np.abs(exact))


def test_layers_may_have_dtypes_of_their_own() -> None:
    directory = Directory("bert-sequence")
    model = models.load(directory.path, precision={"bert.encoder.layer.1": np.float32})
    dots, _ = _dots(model, directory.inputs)
    assert dots == {"float16": 8, "float32": 8 + 2}


def test_polynomial_gelu_is_close() -> None:
    x = jnp.linspace(-10, 10, 2001)
    np.testing.assert_allclose(poly_gelu(x), jax.nn.gelu(x, approximate=False), atol=0.02)


def test_stand_ins_reach_the_model() -> None:
    directory = Directory("bert-sequence")
    raw = models.load(directory.path, layers=1)
    quad = models.load(directory.path, layers=1, activation="quad", attention="2relu")
    _, others = _dots(quad, directory.inputs)
    assert set(others) == {"rsqrt:float32", "tanh:float32"}
    both = [np.asarray(model.reference(model.params, directory.inputs)) for model in (raw, quad)]
    assert not np.allclose(*both, atol=1e-3)


def test_known_names_have_their_size() -> None:
    model = models.load("bert-base", random_weights=True, layers=1, num_labels=3)
    assert (model.width, model.layers, model.labels) == (768, 1, ("LABEL_0", "LABEL_1", "LABEL_2"))
    assert repr(model) == "<Model bert-base: text-classification, 1 layers of 768, 31.5 M weights>"


def test_a_model_is_printed_in_a_line(minilm: models.Model) -> None:
    assert repr(minilm) == "<Model minilm: feature-extraction, 2 layers of 384, 15.5 M weights>"


@pytest.mark.parametrize("other", ["bert-bin", "bert-sharded"])
def test_other_files_hold_the_same(other: str) -> None:
    one, same = (models.load(Directory(name).path) for name in ("bert-sequence", other))
    for (name, array), (other_name, other_array) in zip(flat(one.params), flat(same.params), strict=True):
        assert name == other_name
        np.testing.assert_array_equal(array, other_array)


def test_a_state_dict_is_a_model_too() -> None:
    path = Directory("bert-qa").path
    weights = load_file(path / "model.safetensors")
    model = models.load(weights, config=json.loads((path / "config.json").read_text()))
    inputs = Directory("bert-qa").inputs
    expected = models.load(path)
    np.testing.assert_array_equal(model.reference(model.params, inputs), expected.reference(expected.params, inputs))


def test_a_model_of_the_local_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    place = tmp_path / "models--tiny--bert"
    shutil.copytree(Directory("bert-qa").path, place / "snapshots" / ("0" * 40))
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text("0" * 40)
    assert models.load("tiny/bert").task == "question-answering"


# ------------------------------------------------------------------------------------------- what is refused


def test_bad_requests_are_named() -> None:
    with pytest.raises(UnsupportedError, match="random_weights=True"):
        models.load("bert-base")
    with pytest.raises(UnsupportedError, match="neither a directory, nor in the local Hugging Face cache"):
        models.load("/nowhere")
    with pytest.raises(UnsupportedError, match=r"layers=7 is not in 1\.\.6"):
        models.load("minilm", layers=7)
    with pytest.raises(UnsupportedError, match="activation='sigmoid' is not one of raw, quad, poly, relu"):
        models.load("minilm", activation="sigmoid")  # type: ignore[arg-type]


def test_other_tasks_are_named() -> None:
    with pytest.raises(UnsupportedError, match="gpt2 models do not do fill-mask; they do text-generation, feature"):
        models.load(Directory("gpt2-causal").path, task="fill-mask")
    with pytest.raises(
        UnsupportedError, match="bert as BertForNextSentencePrediction is not supported; state the task"
    ):
        models.load(Directory("bert-qa").path, config={"architectures": ["BertForNextSentencePrediction"]})
    with pytest.raises(UnsupportedError, match="models of type mamba are not supported; there are albert, "):
        models.load(Directory("bert-qa").path, config={"model_type": "mamba"})


def test_a_head_is_never_made_up() -> None:
    with pytest.raises(UnsupportedError, match="the weights lack bert.pooler.dense.bias, .*, classifier.weight"):
        models.load(Directory("bert-qa").path, task="text-classification")
    with pytest.raises(UnsupportedError, match="the weights lack classifier.bias, classifier.weight; the head may be"):
        models.load("minilm", num_labels=2)


def test_the_head_of_another_task_may_be_left_over() -> None:
    directory = Directory("bert-mlm")
    model = models.load(directory.path, task="feature-extraction")
    assert model.reference(model.params, directory.inputs).shape == (2, 16)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("missing", r"the weights lack bert\.encoder\.layer\.1\.output\.dense\.bias"),
        ("extra", r"nothing uses the weights bert\.encoder\.layer\.0\.adapter\.weight; the configuration may be"),
        ("misshapen", r"the weight classifier\.weight is \[3, 8\], but the configuration asks for \[3, 16\]"),
        ("broken", "cannot read .*model.safetensors"),
        ("none", "there are no weights in .*: none of model.safetensors, pytorch_model.bin"),
    ],
)
def test_weights_that_do_not_fit_are_named(tmp_path: Path, change: str, message: str) -> None:
    path = shutil.copytree(Directory("bert-sequence").path, tmp_path / "model")
    weights = load_file(path / "model.safetensors")
    if change == "missing":
        del weights["bert.encoder.layer.1.output.dense.bias"]
    if change == "extra":
        weights["bert.encoder.layer.0.adapter.weight"] = np.zeros((2, 2), np.float32)
    if change == "misshapen":
        weights["classifier.weight"] = np.ascontiguousarray(weights["classifier.weight"][:, :8])
    save_file(weights, path / "model.safetensors")
    if change == "broken":
        (path / "model.safetensors").write_bytes(b"nothing")
    if change == "none":
        (path / "model.safetensors").unlink()
    with pytest.raises(UnsupportedError, match=message):
        models.load(path)


def test_settings_that_are_not_supported_are_named() -> None:
    for name, config, message in (
        (
            "bert-qa",
            {"position_embedding_type": "relative_key"},
            "position_embedding_type of this bert is 'relative_key'",
        ),
        ("bert-qa", {"hidden_act": "mish"}, "the activation mish is not one of gelu, "),
        (
            "llama-causal",
            {"rope_scaling": {"rope_type": "yarn"}},
            "rope_scaling yarn is not one of default, linear, llama3",
        ),
        ("gpt2-causal", {"scale_attn_weights": False}, "scale_attn_weights of this gpt2 is False; only True"),
    ):
        with pytest.raises(UnsupportedError, match=message):
            models.load(Directory(name).path, config=config)


def test_a_pickle_that_does_more_is_not_opened(tmp_path: Path) -> None:
    path = shutil.copytree(Directory("bert-sequence").path, tmp_path / "model")
    (path / "model.safetensors").unlink()
    with zipfile.ZipFile(path / "pytorch_model.bin", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(os.getcwd))
    with pytest.raises(UnsupportedError, match="it asks for posix.getcwd"):
        models.load(path)


def test_other_poolings_are_refused(tmp_path: Path) -> None:
    path = shutil.copytree(Directory("bert-base").path, tmp_path / "model")
    (path / "1_Pooling").mkdir()
    (path / "1_Pooling" / "config.json").write_text('{"pooling_mode_cls_token": true, "word_embedding_dimension": 16}')
    with pytest.raises(UnsupportedError, match="asks for pooling_mode_cls_token; only the mean is supported"):
        models.load(path)


def test_images_of_another_size_are_refused() -> None:
    model = models.load(Directory("vit-image").path)
    with pytest.raises(
        UnsupportedError, match=r"pixel_values are \[batch, 3, 16, 16\] for this model, not \[1, 3, 8, 8\]"
    ):
        model.reference(model.params, {"pixel_values": np.zeros((1, 3, 8, 8), np.float32)})


def test_sequences_longer_than_the_model_are_refused(minilm: models.Model) -> None:
    with pytest.raises(UnsupportedError, match="513"):
        minilm.make_inputs(seq_len=513)
