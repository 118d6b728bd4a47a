"""Pictures as networks take them, by the preprocessor_config.json of a directory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np

from spu_ditto.errors import UnsupportedError

# By Pillow's numbers.
_METHODS = {0: "nearest", 1: "lanczos3", 2: "linear", 3: "cubic"}


@dataclass(frozen=True)
class ImageProcessor:
    """Resizes, crops, rescales and normalises, as transformers' image processors do with the same settings."""

    settings: Mapping[str, Any]

    @staticmethod
    def of(directory: Path) -> ImageProcessor | None:
        """That of a directory; None if it has no preprocessor_config.json, or not for images."""
        path = directory / "preprocessor_config.json"
        settings = json.loads(path.read_text()) if path.is_file() else {}
        return ImageProcessor(settings) if "image_mean" in settings else None

    def __call__(self, images: Any) -> np.ndarray[Any, Any]:
        """float32 [images, channels, height, width] of one or several pictures, uint8 [height, width, channels].

        Raises:
            UnsupportedError: these are no such pictures.
        """
        one_by_one = [images] if getattr(images, "ndim", None) == 3 or not hasattr(images, "__len__") else images
        return np.stack([self._processed(np.asarray(image)) for image in one_by_one])

    def _processed(self, image: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        channels = len(self.settings["image_mean"])
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] != channels:
            raise UnsupportedError(
                f"an image is uint8 [height, width, {channels}], not {image.dtype} {list(image.shape)}; what has been "
                "processed already goes in as pixel_values"
            )
        pixels = image.astype(np.float32)
        if self.settings.get("do_resize", True):
            pixels = self._resized(pixels)
        if self.settings.get("do_center_crop", False) or "shortest_edge" in self._size or "crop_pct" in self.settings:
            pixels = _cropped(pixels, self._target)
        if self.settings.get("do_rescale", True):
            pixels = pixels * np.float32(self.settings.get("rescale_factor", 1 / 255))
        if self.settings.get("do_normalize", True):
            pixels = (pixels - np.float32(self.settings["image_mean"])) / np.float32(self.settings["image_std"])
        return np.ascontiguousarray(pixels.transpose(2, 0, 1), np.float32)

    @property
    def _size(self) -> Mapping[str, int]:
        return _as_size(self.settings["size"])

    @property
    def _target(self) -> tuple[int, int]:
        size = _as_size(self.settings.get("crop_size", self.settings["size"]))
        edge = size.get("shortest_edge", 0)
        return size.get("height", edge), size.get("width", edge)

    def _resized(self, pixels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        size = self._size
        if edge := size.get("shortest_edge"):
            edge = int(edge / self.settings.get("crop_pct", 1))
            factor = edge / min(pixels.shape[:2])
            height, width = (int(n * factor + 1e-6) for n in pixels.shape[:2])
        else:
            height, width = size["height"], size["width"]
        method = _METHODS.get(self.settings.get("resample", 2), "linear")
        resized = jax.image.resize(pixels, (height, width, pixels.shape[-1]), method)
        # As whole numbers, like the pictures of an image library.
        rounded: np.ndarray[Any, Any] = np.clip(np.round(np.asarray(resized)), 0, 255)
        return rounded


def _as_size(size: Any) -> Mapping[str, int]:
    return {"height": size, "width": size} if isinstance(size, int) else size


def _cropped(pixels: np.ndarray[Any, Any], target: tuple[int, int]) -> np.ndarray[Any, Any]:
    top, left = ((n - wanted) // 2 for n, wanted in zip(pixels.shape[:2], target))
    if min(top, left) < 0:
        raise UnsupportedError(f"an image of {pixels.shape[0]} x {pixels.shape[1]} is smaller than {target}")
    return pixels[top : top + target[0], left : left + target[1]]
