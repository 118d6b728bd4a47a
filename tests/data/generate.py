"""Writes the .pphlo files beside it: what SPU 0.9.5 compiles from small JAX functions and tiny Hugging Face models.

    PYTHONPATH=.:python python tests/data/generate.py

Programs come in two forms: compiled from XLA's HLO, as SPU's own front end does (erfc is expanded there), and from
StableHLO with erfc kept whole, as `spu_ditto` does. SPU 0.10 writes the same operations, constants in another order.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import spu.api
import spu.libspu as libspu
from transformers import (
    BertConfig,
    FlaxBertForSequenceClassification,
    FlaxGPT2LMHeadModel,
    FlaxViTForImageClassification,
    GPT2Config,
    ViTConfig,
)

from spu_ditto.frontend import trace

HERE = Path(__file__).parent
SECRET, PUBLIC = libspu.Visibility.VIS_SECRET, libspu.Visibility.VIS_PUBLIC

Program = tuple[Callable[..., Any], tuple[Any, ...]]


def compile_program(function: Callable[..., Any], arguments: tuple[Any, ...], public: set[int], whole: bool) -> str:
    """PPHLO text. Arguments at the positions in `public` are public, all others secret."""
    visibility = [
        PUBLIC if position in public else SECRET
        for position, argument in enumerate(arguments)
        for _ in jax.tree_util.tree_leaves(argument)
    ]
    options = libspu.CompilerOptions()
    options.disable_deallocation_insertion = whole
    if whole:
        source = libspu.CompilationSource(
            libspu.SourceIRType.STABLEHLO, trace(function, arguments).stablehlo.encode(), visibility
        )
    else:
        lowered = jax.jit(function, keep_unused=True).trace(*arguments).lower(lowering_platforms=("interpreter",))
        proto = lowered.compiler_ir("hlo").as_serialized_hlo_module_proto()
        source = libspu.CompilationSource(libspu.SourceIRType.XLA, proto, visibility)
    return str(spu.api.compile(source, options).decode())


def bert(dtype: Any) -> Program:
    config = BertConfig(
        vocab_size=40,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=24,
        max_position_embeddings=12,
    )
    model = FlaxBertForSequenceClassification(config, seed=0, input_shape=(1, 8), dtype=dtype)

    def logits(params: Any, ids: Any, mask: Any) -> Any:
        return model(ids, attention_mask=mask, params=params).logits

    return logits, (model.params, np.ones((1, 8), np.int32), np.ones((1, 8), np.int32))


def gpt2(dtype: Any) -> Program:
    config = GPT2Config(vocab_size=40, n_positions=12, n_embd=16, n_layer=2, n_head=2)
    model = FlaxGPT2LMHeadModel(config, seed=0, input_shape=(1, 8), dtype=dtype)

    def logits(params: Any, ids: Any) -> Any:
        return model(ids, params=params).logits

    return logits, (model.params, np.ones((1, 8), np.int32))


def vit(dtype: Any) -> Program:
    config = ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=24, image_size=8, patch_size=4
    )
    model = FlaxViTForImageClassification(config, seed=0, input_shape=(1, 8, 8, 3), dtype=dtype)

    def logits(params: Any, pixels: Any) -> Any:
        return model(pixels, params=params).logits

    return logits, (model.params, np.ones((1, 3, 8, 8), np.float32))


def dot_softmax_dot(query: Any, key: Any, value: Any) -> Any:
    """f16 products around a softmax in f32."""
    scores = jnp.dot(query, key).astype(jnp.float32)
    return jnp.dot(jax.nn.softmax(scores).astype(jnp.float16), value)


def constants(x: Any) -> Any:
    """Every literal form: splat, list, bits of a float, blob, packed bits."""
    listed = jnp.asarray(np.array([[1.5, -2.25], [np.inf, 0.1]], np.float16))
    blob = jnp.asarray(np.random.default_rng(0).standard_normal(128).astype(np.float32))
    bits = jnp.asarray(np.random.default_rng(1).integers(0, 2, 128).astype(bool))
    return jnp.where(bits, x, blob), jnp.maximum(listed, -jnp.inf) + x[:2].astype(jnp.float16), x * 2


def layer_norm(x: Any, scale: Any) -> Any:
    centred = x - x.mean(-1, keepdims=True)
    return centred * jax.lax.rsqrt((centred**2).mean(-1, keepdims=True) + 1e-12) * scale


def public_mask(scores: Any, lengths: Any) -> Any:
    """A public argument decides which entries take part."""
    keep = jnp.arange(scores.shape[1]) < lengths[:, None]
    return jnp.where(keep, scores, -1e4).max(1), keep.sum(1)


def loop(x: Any, w: Any) -> Any:
    """A loop over secrets with a public number of rounds; its slices have public indices."""

    def body(i: Any, state: Any) -> Any:
        row = jax.lax.dynamic_slice(w, (i, 0), (1, 4))
        return jax.lax.dynamic_update_slice(state, state[:1] * row, (i, 0))

    return jax.lax.fori_loop(0, 3, body, x)


def secret_loop(x: Any) -> Any:
    return jax.lax.while_loop(lambda v: jnp.sum(v) < 10, lambda v: v * 2, x)


def movement(x: Any, y: Any) -> Any:
    moved = jnp.concatenate([x[:, ::2].T, jnp.flip(y, 0)], 0)
    return jnp.pad(moved, ((1, 0), (0, 2)), constant_values=0.5), jnp.argmax(x, -1)


def branches(flags: Any, x: Any) -> Any:
    """Public bits choose what every round does to a secret."""

    def body(carried: Any, flag: Any) -> Any:
        return jax.lax.cond(flag, lambda y: y + 1, lambda y: y * 2, carried), None

    return jax.lax.scan(body, x, flags)[0]


def complex_numbers(x: Any) -> Any:
    """Complex constants, splat and listed, arithmetic, a selection and a sum."""
    rotated = x * np.array([1 + 1j, 2, 3, 4j], np.complex64) + 1j
    total = jnp.sum(jnp.where(x > 0, rotated, 0))
    return total.real, total.imag, jnp.abs(rotated)


def random_bits(key: Any, x: Any) -> Any:
    """Bit arithmetic of 32-bit words without sign."""
    return jnp.where(jax.random.bernoulli(jax.random.split(key)[0], 0.5, x.shape), x, 0), jax.lax.population_count(key)


def windows(x: Any, n: Any) -> Any:
    """Pooling, overlapping and padded, cumulative sums, maxima and products."""

    def pool(x: Any) -> Any:
        return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 3), (1, 2, 2), "SAME")

    mean = jax.lax.reduce_window(
        x, 0.0, jax.lax.add, (1, 3, 2), (1, 1, 2), ((0, 0), (1, 0), (0, 1)), (1, 2, 1), (1, 1, 2)
    )
    return pool(x), mean, jnp.cumsum(x, 1), jax.lax.cummax(n, 0, reverse=True), jnp.cumprod(x / 8, 2)


def pooling_gradients(x: Any) -> Any:
    """The gradients of maximum pooling: where windows overlap, alone, and with the pooled values."""

    def pool(x: Any, size: int) -> Any:
        return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, size, size), (1, 2, 2), "VALID")

    both = jax.value_and_grad(lambda x: (pool(x, 2) ** 2).sum())(x)
    return both, jax.grad(lambda x: pool(x, 3).sum())(x)


def sorting(x: Any, y: Any, n: Any) -> Any:
    """Comparators, keys of integers, positions, several keys, a median."""
    return jnp.sort(x), jnp.argsort(n), jnp.lexsort((y, x)), jnp.sort(n, descending=True), jnp.median(y)


def array(*shape: int, dtype: Any = np.float32) -> Any:
    return np.ones(shape, dtype)


def small_programs() -> dict[str, tuple[Program, set[int]]]:
    half = np.float16
    return {
        "dot_softmax_dot": (
            (dot_softmax_dot, (array(4, 8, dtype=half), array(8, 4, dtype=half), array(4, 8, dtype=half))),
            set(),
        ),
        "constants": ((constants, (array(128),)), set()),
        "layer_norm": ((layer_norm, (array(4, 16), array(16))), set()),
        "public_mask": ((public_mask, (array(3, 5), array(3, dtype=np.int32))), {1}),
        "loop": ((loop, (array(3, 4), array(3, 4))), set()),
        "secret_loop": ((secret_loop, (array(4),)), set()),
        "movement": ((movement, (array(3, 4), array(2, 3))), set()),
        "branches": ((branches, (array(3, dtype=np.bool_), array(4))), {0}),
        "complex_numbers": ((complex_numbers, (array(4),)), set()),
        "random_bits": ((random_bits, (array(2, dtype=np.uint32), array(4))), {0}),
        "windows": ((windows, (array(2, 5, 6), array(7, dtype=np.int32))), set()),
        "pooling_gradients": ((pooling_gradients, (array(1, 6, 5),)), set()),
        "sorting": ((sorting, (array(6), array(6), array(5, dtype=np.int32))), set()),
        "gelu_erf_f16": ((lambda x: jax.nn.gelu(x, approximate=False), (array(2, 8, dtype=half),)), set()),
        "gelu_erf_f32": ((lambda x: jax.nn.gelu(x, approximate=False), (array(2, 8),)), set()),
        "gelu_tanh_f16": ((lambda x: jax.nn.gelu(x, approximate=True), (array(2, 8, dtype=half),)), set()),
        "gelu_tanh_f32": ((lambda x: jax.nn.gelu(x, approximate=True), (array(2, 8),)), set()),
    }


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    programs = small_programs()
    for name, make in (("bert", bert), ("gpt2", gpt2), ("vit", vit)):
        for suffix, dtype in (("f16", jnp.float16), ("f32", jnp.float32)):
            programs[f"{name}_{suffix}"] = (make(dtype), set())
    for name, ((function, arguments), public) in programs.items():
        (HERE / f"{name}.pphlo").write_text(compile_program(function, arguments, public, whole=False))
        if name in ("gelu_erf_f16", "gelu_erf_f32", "bert_f16", "sorting"):
            (HERE / f"{name}_whole.pphlo").write_text(compile_program(function, arguments, public, whole=True))


if __name__ == "__main__":
    main()
