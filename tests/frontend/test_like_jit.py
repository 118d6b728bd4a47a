"""A secure function takes what `jax.jit` takes and gives what it gives; the parties' part is evaluated in plain."""

from __future__ import annotations

import dataclasses
import functools
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import spu
import transformers

import spu_ditto
from spu_ditto import SecureFunction
from tests.frontend.plaintext import PlaintextRuntime

X = np.linspace(-2, 2, 12, dtype=np.float32).reshape(3, 4)
Y = np.linspace(1, 2, 12, dtype=np.float32).reshape(3, 4)


@pytest.fixture(autouse=True)
def runtime() -> Iterator[PlaintextRuntime]:
    with spu_ditto.use_runtime(PlaintextRuntime()) as plain:
        yield plain  # type: ignore[misc]


def close(secure: Any, plain: Any) -> None:
    """The same tree with the same shapes, dtypes and, within rounding, numbers."""
    assert jax.tree_util.tree_structure(secure) == jax.tree_util.tree_structure(plain)
    for a, b in zip(jax.tree_util.tree_leaves(secure), jax.tree_util.tree_leaves(plain), strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        np.testing.assert_allclose(a, b, atol=2e-2)


def agree(fn: Any, *args: Any, **kwargs: Any) -> None:
    """Secure and jitted, a call gives the same."""
    close(spu.compile(fn, ring_policy="ditto")(*args, **kwargs), jax.jit(fn)(*args, **kwargs))


# --- how arguments are given


def affine(x: Any, scale: Any = 2.0, *, shift: Any = None, n: int = 1) -> Any:
    return x * scale * n if shift is None else x * scale * n + shift


def test_keyword_arguments() -> None:
    for args, kwargs in (
        ((X,), {}),
        ((), {"x": X}),
        ((X, Y), {}),
        ((X,), {"scale": Y}),
        ((X,), {"shift": Y}),
        ((), {"scale": Y, "x": X, "shift": X}),
    ):
        agree(affine, *args, **kwargs)


def test_a_call_by_position_and_one_by_name_are_one_program(monkeypatch: pytest.MonkeyPatch) -> None:
    lowered = []
    lower = SecureFunction.lower
    monkeypatch.setattr(SecureFunction, "lower", lambda self, *a, **k: (lowered.append(a), lower(self, *a, **k))[1])
    secure = spu.compile(affine, ring_policy="ditto")
    for args, kwargs in (((X, Y), {}), ((X,), {"scale": Y}), ((), {"scale": Y, "x": X})):
        secure(*args, **kwargs)
    assert len(lowered) == 1
    compiled = secure.lower(X, Y).compile()
    close(compiled(X, scale=Y), compiled(X, Y))


def test_visibilities_by_name(runtime: PlaintextRuntime) -> None:
    secure = spu.compile(affine, ring_policy="ditto", input_visibility={"shift": "public", "scale": "public"})
    marks = {a.name: a.visibility for a in jax.tree_util.tree_leaves(secure.lower(X, Y, shift=Y).args_info)}
    assert marks == {"x": "secret", "scale": "public", "shift": "public"}
    close(secure(X, Y, shift=Y), affine(X, Y, shift=Y))
    assert len(runtime.shared) == 1
    by_position = spu.compile(affine, ring_policy="ditto", input_visibility=("secret", "public"))
    close(by_position(X, scale=Y), affine(X, Y))
    with pytest.raises(spu_ditto.ShapeError, match=r"nothing of the arguments \['shift'\], given by name; .* mapping"):
        by_position(X, Y, shift=Y)


def test_static_arguments_by_name_and_by_position() -> None:
    for options in ({"static_argnames": "n"}, {"static_argnames": ("n",)}):
        secure = spu.compile(affine, ring_policy="ditto", **options)
        for n in (2, 3):
            close(secure(X, n=n), affine(X, n=n))

    def power(x: Any, n: int) -> Any:
        return x if n == 1 else x * power(x, n - 1)

    for options in ({"static_argnames": "n"}, {"static_argnums": 1}, {"static_argnums": -1}):
        secure = spu.compile(power, ring_policy="ditto", **options)
        for args, kwargs in (((X, 2), {}), ((X,), {"n": 2}), ((), {"n": 3, "x": X})):
            close(secure(*args, **kwargs), power(*args, **kwargs))
    with pytest.raises(spu_ditto.UnsupportedError, match="static argument n is a list, which is not hashable"):
        secure(X, [2])
    with pytest.raises(spu_ditto.UnsupportedError, match="argument n is a str, no numeric array; name it in static"):
        spu.compile(power, ring_policy="ditto")(X, "two")

    def total(*terms: Any) -> Any:
        return sum(terms)

    close(spu.compile(total, ring_policy="ditto", static_argnums=(1,))(X, 2.0, Y), X + 2 + Y)
    close(spu.compile(total, ring_policy="ditto", static_argnums=-1)(X, Y, 2.0), X + 2 + Y)


def test_arguments_may_have_the_names_of_options() -> None:
    def fn(x: Any, exact: Any, offline_first: Any = 1.0) -> Any:
        return x * exact + offline_first

    secure = spu.compile(fn, ring_policy="ditto")
    close(secure(X, exact=Y), fn(X, Y))
    close(secure(X, exact=Y, offline_first=X), fn(X, Y, X))
    close(secure.lower(X, Y, offline_first=X).compile()(X, Y, offline_first=X), fn(X, Y, X))


def test_partial_functions_and_callables() -> None:
    agree(functools.partial(affine, shift=Y), X)
    agree(functools.partial(affine, X), Y)
    agree(jax.tree_util.Partial(affine, X), Y)
    agree(lambda fn, x: fn(x), jax.tree_util.Partial(affine, X), Y)
    assert spu.compile(functools.partial(affine, shift=Y), ring_policy="ditto").__name__ == "affine"
    secured = functools.partial(spu.compile, ring_policy="ditto")
    close(secured(affine)(X), affine(X))


def test_methods() -> None:
    class Layer:
        def __init__(self, scale: float) -> None:
            self.scale = scale

        @spu.compile(ring_policy="ditto", static_argnums=0)
        def apply(self, x: Any) -> Any:
            """Scales."""
            return x * self.scale

    for scale in (2.0, 3.0):
        close(Layer(scale).apply(X), X * np.float32(scale))
    assert Layer(1.0).apply.lower is not None and Layer.apply.__doc__ == "Scales."


# --- what arguments and results are


class Pair(NamedTuple):
    first: Any
    second: Any


@functools.partial(jax.tree_util.register_dataclass, data_fields=("kernel", "bias"), meta_fields=("activate",))
@dataclasses.dataclass
class Dense:
    kernel: Any
    bias: Any
    activate: bool


def test_pytrees() -> None:
    agree(
        lambda tree: {"a": tree["x"], "none": None, "t": (tree["x"],)}, {"x": X, "none": None, "list": [Y, (Y, None)]}
    )
    agree(lambda pair: Pair(pair.second, pair.first + pair.second), Pair(X, Y))
    agree(lambda d: OrderedDict(z=d["z"], a=d["z"] + d["a"]), OrderedDict(z=X, a=Y))
    for activate in (True, False):
        agree(
            lambda d, x: dataclasses.replace(d, bias=x @ d.kernel + d.bias if d.activate else d.bias),
            Dense(X.T, np.ones(3, np.float32), activate),
            X,
        )
    agree(lambda x: (), X)


def test_model_outputs() -> None:
    def model(x: Any) -> Any:
        return transformers.modeling_flax_outputs.FlaxSequenceClassifierOutput(logits=x + x, hidden_states=(x,))

    result = spu.compile(model, ring_policy="ditto")(X)
    assert isinstance(result, transformers.modeling_flax_outputs.FlaxSequenceClassifierOutput)
    close(result.logits, X + X)
    assert result.attentions is None and result["logits"] is result.logits


def test_batch_encodings() -> None:
    ids = np.array([[1, 2, 3], [4, 5, 6]])
    batch = transformers.BatchEncoding({"input_ids": ids, "attention_mask": ids > 1})

    def model(batch: Any) -> Any:
        return batch["input_ids"] * batch["attention_mask"]

    def by_name(input_ids: Any, attention_mask: Any) -> Any:
        return input_ids * attention_mask

    expected = (ids * (ids > 1)).astype(np.int32)
    secure = spu.compile(model, ring_policy="ditto")
    close(secure(batch), expected)
    close(secure(secure.share(batch)), expected)
    close(spu.compile(by_name, ring_policy="ditto")(**batch), expected)
    assert [a.name for a in jax.tree_util.tree_leaves(secure.lower(batch).args_info)] == [
        "batch/attention_mask",
        "batch/input_ids",
    ]
    # As in JAX, a list is a tree of numbers.
    agree(lambda ids: jnp.asarray(ids) + 1, [1, 2, 3])
    agree(lambda batch: jnp.asarray(batch["input_ids"]) * 2, {"input_ids": [[1, 2], [3, 4]]})


class Tensor:
    """What a torch tensor shows of itself."""

    def __init__(self, array: Any) -> None:
        self._array = array
        self.shape = array.shape
        self.dtype = f"torch.{array.dtype}"


class WithArray(Tensor):
    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self._array if dtype is None else self._array.astype(dtype)


class WithDlpack(Tensor):
    def __dlpack__(self, **options: Any) -> Any:
        return self._array.__dlpack__()

    def __dlpack_device__(self) -> Any:
        return self._array.__dlpack_device__()


@pytest.mark.parametrize("tensor", [WithArray, WithDlpack])
def test_tensors_of_other_frameworks(tensor: type[Tensor], runtime: PlaintextRuntime) -> None:
    secure = spu.compile(affine, ring_policy="ditto")
    for half in (X, X.astype(np.float16)):
        close(secure(tensor(half), tensor(Y)), np.asarray(half * Y))
    handle = secure.share({"x": tensor(X)})
    close(secure(handle["x"], Y), X * Y)
    close(secure.lower(tensor(X), Y).compile()(tensor(X), Y), X * Y)


def test_pythons_numbers_are_weakly_typed() -> None:
    half = X.astype(np.float16)
    for number in (2, 2.0, np.float32(2), np.float16(2), True):
        agree(lambda x, n: x * n, half, number)
        agree(lambda x, n: x * n, np.arange(3, dtype=np.int8), number)


def test_what_is_no_array_is_named() -> None:
    secure = spu.compile(lambda tree: tree["x"], ring_policy="ditto")
    for leaf, kind in (
        ("text", "a str"),
        (object(), "a object"),
        (np.array(["a"]), "the dtype <U1, which is no numeric one"),
    ):
        with pytest.raises(spu_ditto.UnsupportedError, match=f"argument tree/x .*{kind}"):
            secure({"x": leaf})
    with pytest.raises(spu_ditto.UnsupportedError, match="argument tree/x is secret and complex"):
        secure({"x": jnp.ones(3, jnp.complex64), "y": X})
    with pytest.raises(spu_ditto.UnsupportedError, match=r"argument key .*key<fry>"):
        spu.compile(lambda key: jax.random.key_data(key), ring_policy="ditto")(jax.random.key(0))


def test_a_secure_function_inside_a_transformation_is_refused() -> None:
    secure = spu.compile(affine, ring_policy="ditto")
    for transformed in (jax.jit(secure), jax.grad(lambda x: secure(x).sum()), jax.vmap(secure)):
        with pytest.raises(spu_ditto.UnsupportedError, match="argument x is traced by JAX.*jit, grad or vmap"):
            transformed(X)


# --- what may be inside


@jax.custom_jvp
def soft(x: Any) -> Any:
    return x * x


soft.defjvp(lambda primals, tangents: (soft(*primals), 3.0 * tangents[0]))


@jax.custom_vjp
def clipped(x: Any) -> Any:
    return x + x


clipped.defvjp(lambda x: (clipped(x), None), lambda _, g: (5.0 * g,))


V = np.linspace(-1, 1, 4, dtype=np.float32)
INSIDE: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "vmap": (jax.vmap(lambda x: x @ x), (X,)),
    "vmap over one argument": (jax.vmap(lambda x, y: x * y.sum(), in_axes=(0, None)), (X, V)),
    "grad": (jax.grad(lambda x: (x * x * x).sum()), (V,)),
    "value_and_grad": (jax.value_and_grad(lambda x: (x * x).sum()), (V,)),
    "grad of tanh": (jax.grad(lambda x: jnp.tanh(x).sum()), (V,)),
    "jvp": (lambda x: jax.jvp(lambda v: v * v, (x,), (x,))[1], (V,)),
    "checkpoint": (jax.checkpoint(lambda x: x * x + 1), (V,)),
    "grad of checkpoint": (jax.grad(jax.checkpoint(lambda x: (jnp.tanh(x) * x).sum())), (V,)),
    "custom_jvp": (soft, (V,)),
    "grad of custom_jvp": (jax.grad(lambda x: soft(x).sum()), (V,)),
    "vmap of grad": (jax.vmap(jax.grad(soft)), (V,)),
    "custom_vjp": (clipped, (V,)),
    "grad of custom_vjp": (jax.grad(lambda x: clipped(x).sum()), (V,)),
    "jit": (jax.jit(lambda x: x + 1), (V,)),
    "stop_gradient": (lambda x: jax.lax.stop_gradient(x) * 2, (V,)),
    "optimization_barrier": (lambda x: jax.lax.optimization_barrier((x, x + x))[1], (V,)),
    "scan": (lambda x: jax.lax.scan(lambda carry, row: (carry + row, carry), x[0], x), (X,)),
    "fori_loop": (lambda x: jax.lax.fori_loop(0, 3, lambda n, v: v + x, x), (V,)),
}


@pytest.mark.parametrize("name", INSIDE)
def test_transformations_inside(name: str) -> None:
    fn, arguments = INSIDE[name]
    agree(fn, *arguments)


# --- the stages, as `jax.stages` has them


def test_the_stages_tell_what_they_take_and_give() -> None:
    def fn(tree: Any, *, y: Any, n: int) -> Any:
        return {"sum": tree["x"] + y, "more": (y,) * n}

    secure, jitted = spu.compile(fn, ring_policy="ditto", static_argnames="n"), jax.jit(fn, static_argnames="n")
    arguments: Any = {"y": Y, "n": 2}
    shapes = secure.eval_shape({"x": X}, **arguments)
    assert shapes == jitted.eval_shape({"x": X}, **arguments)
    traced, expected = secure.trace({"x": X}, **arguments), jitted.trace({"x": X}, **arguments)
    assert traced.fun_name == expected.fun_name == "fn"
    assert str(traced.jaxpr) == str(expected.jaxpr)
    lowered = traced.lower()
    compiled = lowered.compile()
    for stage, theirs in ((traced, expected), (lowered, expected.lower()), (compiled, expected.lower().compile())):
        assert stage.in_tree == theirs.in_tree
        assert [(a.shape, a.dtype) for a in jax.tree_util.tree_leaves(stage.args_info)] == [
            (a.shape, a.dtype) for a in jax.tree_util.tree_leaves(theirs.args_info)
        ]
        assert stage.out_info == shapes
        assert stage.out_tree == jax.tree_util.tree_structure(shapes)
    assert compiled.as_text() == lowered.as_text()
    close(compiled({"x": X}, y=Y), jitted({"x": X}, **arguments))
    assert [str(a) for a in jax.tree_util.tree_leaves(secure.eval_shape(*lowered.args_info[0], y=Y, n=1))]


def test_memory_analysis_counts_the_words_of_shares() -> None:
    half = X.astype(np.float16)
    memory = spu.compile(lambda a, b: (a + b, a > b), ring_policy="ditto").lower(half, half).compile().memory_analysis()
    # Two components; 4 bytes an element, or 1.
    assert memory.argument_size_in_bytes == 2 * 2 * 4 * 12
    assert memory.output_size_in_bytes == 2 * (4 + 1) * 12
    assert memory.temp_size_in_bytes >= 2 * 4 * 12 and memory.alias_size_in_bytes == 0
    assert memory.generated_code_size_in_bytes > 0


def test_a_call_of_another_structure_says_what_differs() -> None:
    compiled = spu.compile(lambda p, x: p["w"] * x + p["b"], ring_policy="ditto").lower({"w": X, "b": X}, X).compile()
    with pytest.raises(
        spu_ditto.ShapeError, match=r"another structure: this call is without \['p/b'\] and with \['p/c'\]"
    ):
        compiled({"w": X, "c": X}, X)
    with pytest.raises(spu_ditto.ShapeError, match=r"without \['x'\]"):
        compiled({"w": X, "b": X})
