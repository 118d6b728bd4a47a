"""Directories of small models as transformers writes them, with what PyTorch computes of them (make_models.py)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from spu_ditto.nn.layers import mean_pool

ROOT = Path(__file__).parent / "models"
NAMES = sorted(path.name for path in ROOT.iterdir())

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Directory:
    """One of them."""

    name: str

    @property
    def path(self) -> Path:
        return ROOT / self.name

    @cached_property
    def arrays(self) -> dict[str, Array]:
        with np.load(self.path / "expected.npz") as file:
            return dict(file)

    @property
    def inputs(self) -> dict[str, Array]:
        return {name.removeprefix("input_"): array for name, array in self.arrays.items() if name.startswith("input_")}

    def expected(self, task: str) -> Array:
        """What PyTorch computes, as the network for `task` gives it."""
        found = {name.removeprefix("output_"): array for name, array in self.arrays.items()}
        if task == "zero-shot-image-classification":
            return found["logits_per_image"]
        if task == "question-answering":
            return np.stack([found["start_logits"], found["end_logits"]], axis=-1)
        if task == "feature-extraction":
            return np.asarray(mean_pool(found["last_hidden_state"], self.inputs["attention_mask"]))
        if task == "image-feature-extraction":
            return found["last_hidden_state"][:, 0]
        return found["last_hidden_state"] if task == "audio-feature-extraction" else found["logits"]

    def seen(self, result: Any, task: str) -> Array:
        """A result without what stands at padded tokens, which means nothing."""
        result = np.asarray(result, np.float64)
        by_token = ("token-classification", "question-answering", "fill-mask", "text-generation")
        return result * self.inputs["attention_mask"][..., None] if task in by_token else result
