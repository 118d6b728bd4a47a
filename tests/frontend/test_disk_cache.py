"""Programs on disk: found again by what they are made of, kept within bounds, never with captured arrays."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
import spu

import spu_ditto
from spu_ditto import disk_cache, lowering, models, spu_compiler
from spu_ditto.frontend import CAPTURED
from tests.frontend.plaintext import PlaintextRuntime
from tests.frontend.tiny_models import write_tiny_model

X = np.linspace(-2, 2, 12, dtype=np.float32).reshape(3, 4)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SPU_DITTO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def lowerings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The programs that the passes have made."""
    made = []
    lower = lowering.lower_pphlo
    monkeypatch.setattr(lowering, "lower_pphlo", lambda *args: (made.append(args[0]), lower(*args))[1])
    return made


def function() -> Callable[..., Any]:
    """A new one each time: JAX takes it for another, its StableHLO is the same."""

    def scaled(x: Any, y: Any) -> Any:
        return x * 3 + y

    return scaled


def secure(fn: Callable[..., Any] | None = None, **options: Any) -> spu_ditto.SecureFunction:
    made: spu_ditto.SecureFunction = spu.compile(fn or function(), **{"ring_policy": "ditto", **options})
    return made


def test_a_program_is_made_once(lowerings: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = secure().lower(X, X)
    monkeypatch.setattr(spu_compiler, "_run", lambda *_: pytest.fail("SPU compiled again"))
    second = secure().lower(X, X)
    assert len(lowerings) == 1
    assert second.as_text("ring") == first.as_text("ring") and second.as_text("pphlo") == first.as_text("pphlo")
    assert second.cost_analysis() == first.cost_analysis() and second.out_info == first.out_info
    with spu_ditto.use_runtime(PlaintextRuntime()):
        np.testing.assert_allclose(second.compile()(X, X), 4 * X, atol=1e-3)
    assert {path.suffix for path in folder.iterdir()} == {".pphlo", ".program"}
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600} and folder.stat().st_mode & 0o77 == 0


def test_whatever_a_program_depends_on_makes_another(lowerings: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    plan = secure(calibration=[(X, X)]).lower(X, X).plan
    assert plan is not None
    lowerings.clear()
    for options in (
        {},
        {"ring_policy": "fm64"},
        {"ring_policy": plan},
        {"fraction_bits": 12},
        {"guard": "off"},
        {"ranges": {"x": 10}},
        {"input_visibility": ("secret", "public")},
    ):
        for _ in range(2):
            secure(**options).lower(X, X)
    assert len(lowerings) == 7
    secure(lambda x, z: x * 3 + z).lower(X, X)
    secure().lower(X[:1], X[:1])
    assert len(lowerings) == 9
    monkeypatch.setattr(disk_cache, "versions", lambda: ("0", "0", "0"))
    secure().lower(X, X)
    assert len(lowerings) == 10


def test_a_plan_that_is_given_is_there_again(lowerings: list[str]) -> None:
    plan = secure(calibration=[(X, X)]).lower(X, X).plan
    for _ in range(2):
        assert secure(ring_policy=plan).lower(X, X).plan == plan
    assert len(lowerings) == 2


def test_what_is_calibrated_now_is_not_kept(lowerings: list[str], folder: Path) -> None:
    for _ in range(2):
        secure(calibration=[(X, X)]).lower(X, X)
    assert len(lowerings) == 2 and not list(folder.glob("*.program"))


def test_captured_arrays_are_never_written(folder: Path) -> None:
    weights = np.linspace(1, 2, CAPTURED + 1, dtype=np.float32)
    numbers = np.linspace(1, 2, 4, dtype=np.float32)
    with pytest.warns(UserWarning, match=f"array of {CAPTURED + 1} numbers; it becomes a part of the program"):
        lowered = secure(lambda x: x + jnp.asarray(weights)[:4]).lower(X)
    assert "pphlo" in lowered.as_text("pphlo")
    assert not folder.exists()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        secure(lambda x: x + numbers + np.zeros((3, 4), np.float32)).lower(X)
    assert folder.exists()


@pytest.mark.parametrize("name", ["bert", "gpt2", "vit"])
def test_models_capture_nothing(tmp_path: Path, name: str) -> None:
    model = models.load(write_tiny_model(tmp_path, name), random_weights=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        traced = spu.compile(model.apply, ring_policy="ditto").trace(model.params, model.make_inputs(seq_len=8))
    assert traced._exported.captured <= CAPTURED


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x05\x06" + 18 * b"\0"])
def test_a_spoilt_entry_is_made_anew(content: bytes, lowerings: list[str], folder: Path) -> None:
    first = secure().lower(X, X).as_text()
    [entry] = folder.glob("*.program")
    whole = entry.read_bytes()
    for spoilt in (
        content,
        whole[: len(whole) // 2],
        bytes([*whole[:99], 255 - whole[99], *whole[100:]]),
        whole.replace(b"secret", b"public"),
    ):
        entry.write_bytes(spoilt)
        assert secure().lower(X, X).as_text() == first
    assert entry.read_bytes()[:2] == b"PK"


def test_the_least_recently_used_go_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_cache, "LIMIT_BYTES", 350)
    names = [disk_cache.name_of("pphlo", [n]) for n in range(5)]
    for age, name in enumerate(names[:3]):
        disk_cache.write(name, 100 * b"x")
        os.utime(folder / name, (1000 + age, 1000 + age))
    assert disk_cache.read(names[0]) is not None  # used now
    disk_cache.write(names[3], 100 * b"x")
    assert {entry.path.name for entry in disk_cache.entries()} == {names[0], names[2], names[3]}
    disk_cache.write(names[4], 400 * b"x")
    assert not disk_cache.entries()


def test_a_folder_of_another_user_is_not_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = disk_cache.name_of("pphlo", [])
    disk_cache.write(name, b"mine")
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    assert disk_cache.read(name) is None
    with pytest.warns(UserWarning, match="not cached: .* belongs to another user"):
        disk_cache.write(name, b"theirs")


def test_a_folder_that_cannot_be_written_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SPU_DITTO_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.warns(UserWarning, match="not cached"):
        secure().lower(X, X)


def test_the_folder_is_where_the_system_keeps_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPU_DITTO_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert disk_cache.directory() == Path("/somewhere/spu-ditto")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert disk_cache.directory() == Path.home() / ".cache" / "spu-ditto"
