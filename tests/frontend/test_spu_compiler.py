"""SPU's compiler in a subprocess: results, cache, refusals and deaths."""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from spu_ditto import spu_compiler
from spu_ditto.errors import CompileError
from spu_ditto.frontend import trace

ADD = trace(lambda a, b: a + b, (np.ones(3, np.float32), np.ones(3, np.float32))).stablehlo

# SPU crashes on a choice of branches by a public index.
SWITCH = """module @jit_switch {
  func.func public @main(%arg0: tensor<i32>, %arg1: tensor<f32>) -> tensor<f32> {
    %0 = "stablehlo.case"(%arg0) ({
      stablehlo.return %arg1 : tensor<f32>
    }, {
      %1 = stablehlo.negate %arg1 : tensor<f32>
      stablehlo.return %1 : tensor<f32>
    }, {
      %1 = stablehlo.add %arg1, %arg1 : tensor<f32>
      stablehlo.return %1 : tensor<f32>
    }) : (tensor<i32>) -> tensor<f32>
    return %0 : tensor<f32>
  }
}
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SPU_DITTO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_visibilities_reach_the_compiler() -> None:
    text = spu_compiler.compile_stablehlo(ADD, ["secret", "public"])
    assert "%arg0: tensor<3x!pphlo.secret<f32>>, %arg1: tensor<3xf32>" in text
    assert "pphlo.free" not in text


def test_the_second_compilation_comes_from_the_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = spu_compiler.compile_stablehlo(ADD, ["secret", "secret"])
    assert len(list(cache.iterdir())) == 1
    monkeypatch.setattr(spu_compiler, "_run", lambda *_: pytest.fail("compiled again"))
    assert spu_compiler.compile_stablehlo(ADD, ["secret", "secret"]) == first


def test_a_spoilt_entry_is_made_anew(cache: Path) -> None:
    first = spu_compiler.compile_stablehlo(ADD, ["secret", "secret"])
    [entry] = cache.iterdir()
    whole = entry.read_bytes()
    for spoilt in (b"", b"module {", whole[:-9]):
        entry.write_bytes(spoilt)
        assert spu_compiler.compile_stablehlo(ADD, ["secret", "secret"]) == first
        assert entry.read_bytes() == whole


def test_other_visibilities_are_another_program(cache: Path) -> None:
    spu_compiler.compile_stablehlo(ADD, ["secret", "secret"])
    spu_compiler.compile_stablehlo(ADD, ["secret", "public"])
    assert len(list(cache.iterdir())) == 2


def test_a_refused_program_is_an_error_and_not_cached(cache: Path) -> None:
    with pytest.raises(CompileError, match="refuses"):
        spu_compiler.compile_stablehlo("module {", ["secret"])
    assert not cache.exists()


def test_the_death_of_the_compiler_is_an_error() -> None:
    with pytest.raises(CompileError, match="died of SIG"):
        spu_compiler.compile_stablehlo(SWITCH, ["public", "secret"])


def test_spus_refusal_names_the_operation_and_the_source_line() -> None:
    def spectrum(x: jax.Array) -> jax.Array:
        return jnp.fft.fft(x)

    lowered = (
        jax.jit(spectrum).trace(jax.ShapeDtypeStruct((4,), np.complex64)).lower(lowering_platforms=("interpreter",))
    )
    module = lowered.compiler_ir("stablehlo").operation
    with pytest.raises(CompileError, match="^'stablehlo.fft': ") as caught:
        spu_compiler.compile_stablehlo(module.get_asm(), ["secret"], module.get_asm(enable_debug_info=True))
    assert caught.value.operation == "stablehlo.fft"
    assert caught.value.source_line == f"{__file__}:{spectrum.__code__.co_firstlineno + 1}"


def test_a_compiler_that_hangs_is_stopped() -> None:
    with pytest.raises(CompileError, match="did not finish within 0.01 s"):
        spu_compiler.compile_stablehlo(ADD, ["secret", "secret"], timeout=0.01)
