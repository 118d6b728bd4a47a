"""Saved programs and the trees of their arguments."""

from __future__ import annotations

import zipfile
from collections import namedtuple
from pathlib import Path

import jax
import numpy as np
import pytest

from ditto.encoding import ValueType
from ditto.parties.program import Binding, RingProgram, load_program, save_program
from spu_ditto.errors import CompileError
from spu_ditto.trees import tree_from_json, tree_to_json


def _program() -> RingProgram:
    kind = ValueType("fxp", (2, 3), 32, 8, 21)
    return RingProgram(
        "builtin.module {}",
        "{}",
        [np.arange(6).reshape(2, 3), np.array(-(2**62))],
        "",
        (Binding("argument", 0, kind),),
        (Binding("program", 0, kind), Binding("public", 1, None)),
    )


def test_a_program_survives_saving(tmp_path: Path) -> None:
    program = _program()
    save_program(tmp_path / "p", program, {"name": "f"})
    loaded, signature = load_program(tmp_path / "p")
    assert signature == {"name": "f"}
    assert (loaded.inputs, loaded.outputs) == (program.inputs, program.outputs)
    for a, b in zip(loaded.constants, program.constants, strict=True):
        np.testing.assert_array_equal(a, b)


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p").write_text("hello")
    with pytest.raises(CompileError, match="not a saved program"):
        load_program(tmp_path / "p")
    with zipfile.ZipFile(tmp_path / "q", "w") as archive:
        archive.writestr("header.json", '{"format": "spu-ditto-program", "version": 99}')
    with pytest.raises(CompileError, match="version 99; compile it anew"):
        load_program(tmp_path / "q")


def test_trees_survive_json() -> None:
    tree = jax.tree_util.tree_structure(({"b": [1, None], "a": (2,)}, 3))
    assert tree_from_json(tree_to_json(tree)) == tree


def test_unknown_containers_cannot_be_saved() -> None:
    pair = namedtuple("pair", "x y")
    with pytest.raises(CompileError, match="pair"):
        tree_to_json(jax.tree_util.tree_structure(pair(1, 2)))
