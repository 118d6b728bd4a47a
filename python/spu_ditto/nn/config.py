"""A model's config.json: what it says, and a clear error where it says too little or what is not supported."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spu_ditto.errors import UnsupportedError


class Config(dict[str, Any]):
    """The settings of a model. What is missing is named by the error; `get` has a default."""

    def __missing__(self, key: str) -> Any:
        raise UnsupportedError(f"the configuration of this {self.get('model_type', 'model')} has no {key}")

    def expect(self, **settings: Any) -> None:
        """Refuses other settings than these, which are also what is meant where nothing is said."""
        for key, expected in settings.items():
            if (value := self.get(key, expected)) != expected:
                raise UnsupportedError(
                    f"{key} of this {self['model_type']} is {value!r}; only {expected!r} is supported"
                )

    def part(self, key: str, **defaults: Any) -> Config:
        """The configuration of a part of the model, such as CLIP's vision_config; files leave defaults out."""
        return Config({**defaults, **self[key], "model_type": f"{self['model_type']} ({key})"})

    def with_settings(self, **settings: Any) -> Config:
        """This configuration with other settings."""
        return Config({**self, **settings})

    @property
    def labels(self) -> tuple[str, ...]:
        """What the classes are called."""
        named: Mapping[Any, str] = self.get("id2label") or {n: f"LABEL_{n}" for n in range(self.get("num_labels", 2))}
        by_number = {int(number): label for number, label in named.items()}
        return tuple(by_number[number] for number in sorted(by_number))


def read_config(directory: Path) -> Config:
    """Reads config.json.

    Raises:
        UnsupportedError: there is none, or it is no JSON object with a model_type.
    """
    path = directory / "config.json"
    try:
        settings = json.loads(path.read_text())
    except FileNotFoundError:
        raise UnsupportedError(f"{directory} is no model directory: there is no config.json in it") from None
    except ValueError as error:
        raise UnsupportedError(f"{path} is no JSON: {error}") from error
    if not isinstance(settings, dict) or not isinstance(settings.get("model_type"), str):
        raise UnsupportedError(f"{path} does not say which model_type it is for")
    return Config(settings)
