"""What a compiled function takes and gives, as `jax.stages` tell it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from spu_ditto.arguments import Argument, abstract, as_known, by_position, named_leaves, path_name
from spu_ditto.errors import ShapeError
from spu_ditto.trees import tree_from_json, tree_to_json

# Arguments that fit a line.
_SHOWN = 3


@dataclass(frozen=True, repr=False)
class Signature:
    """What a program takes and gives: arguments in the order of the leaves of `in_tree`, results likewise.

    `in_tree` is that of (args, kwargs), `parameters` are the names of args.
    """

    name: str
    parameters: tuple[str, ...]
    arguments: tuple[Argument, ...]
    in_tree: Any
    out_tree: Any
    outputs: tuple[jax.ShapeDtypeStruct, ...]

    def __str__(self) -> str:
        arguments = ", ".join(f"{a.name}: {a.dtype}{list(a.shape)}" for a in self.arguments[:_SHOWN])
        more = len(self.arguments) - _SHOWN
        return f"{self.name}({arguments}{f', and {more} more' if more > 0 else ''})"

    def __repr__(self) -> str:
        return f"<Signature {self}>"

    def leaves(self, args: tuple[Any, ...], kwargs: Mapping[str, Any] | None = None) -> list[Any]:
        """The leaves of the arguments of a call.

        Raises:
            ShapeError: they are not what the program was lowered for; names the first that differs.
        """
        every = as_known(by_position(args, kwargs or {}, self.parameters))
        leaves, tree = jax.tree_util.tree_flatten(every)
        if tree != self.in_tree:
            raise ShapeError(f"{self.name} was lowered for {self._difference(every, tree)}")
        for leaf, argument in zip(leaves, self.arguments, strict=True):
            given = abstract(leaf, argument.name)
            if tuple(given.shape) != argument.shape or given.dtype != argument.dtype:
                raise ShapeError(
                    f"argument {argument.name} of {self.name} is {given.dtype}{list(given.shape)}; "
                    f"the program was lowered for {argument.dtype}{list(argument.shape)}"
                )
        return leaves

    def result_marks(self, marks: Any) -> list[bool]:
        """Expands a boolean, or a pytree of them that is a prefix of the results', to one for each result.

        Raises:
            ShapeError: it is no such prefix.
        """
        results = jax.tree_util.tree_unflatten(self.out_tree, range(len(self.outputs)))
        try:
            spread = jax.tree_util.tree_map(
                lambda mark, part: jax.tree_util.tree_map(lambda _: mark, part), marks, results
            )
        except ValueError as error:
            raise ShapeError(f"keep does not match the results of {self.name}: {error}") from error
        every = jax.tree_util.tree_leaves(spread)
        if wrong := [mark for mark in every if not isinstance(mark, bool | np.bool_)]:
            raise ShapeError(f"keep is a boolean, or a pytree of booleans, not {wrong[0]!r}")
        return [bool(mark) for mark in every]

    def result_name(self, result: int) -> str:
        """The path of a result among all; empty if there is but one."""
        numbered = jax.tree_util.tree_unflatten(self.out_tree, range(len(self.outputs)))
        return path_name(jax.tree_util.tree_flatten_with_path(numbered)[0][result][0])

    def _difference(self, every: tuple[tuple[Any, ...], dict[str, Any]], tree: Any) -> str:
        given = [name for name, _ in named_leaves(*every, self.parameters)]
        known = [argument.name for argument in self.arguments]
        missing, unknown = sorted(set(known) - set(given)), sorted(set(given) - set(known))
        parts = [f"{what} {names[:5]}" for what, names in (("without", missing), ("with", unknown)) if names]
        return (
            f"arguments of another structure: this call is {' and '.join(parts)}"
            if parts
            else (f"arguments of structure {self.in_tree}, not {tree}")
        )

    def to_json(self) -> dict[str, Any]:
        """A JSON-serialisable description."""
        return {
            "name": self.name,
            "parameters": list(self.parameters),
            "arguments": [[a.name, list(a.shape), a.dtype.name, a.visibility] for a in self.arguments],
            "in_tree": tree_to_json(self.in_tree),
            "out_tree": tree_to_json(self.out_tree),
            "outputs": [[list(o.shape), np.dtype(o.dtype).name] for o in self.outputs],
        }

    @staticmethod
    def from_json(data: dict[str, Any]) -> Signature:
        """The signature that `to_json` described."""
        return Signature(
            name=data["name"],
            parameters=tuple(data["parameters"]),
            arguments=tuple(Argument(n, tuple(s), np.dtype(d), v) for n, s, d, v in data["arguments"]),
            in_tree=tree_from_json(data["in_tree"]),
            out_tree=tree_from_json(data["out_tree"]),
            outputs=tuple(jax.ShapeDtypeStruct(tuple(s), np.dtype(d)) for s, d in data["outputs"]),
        )


class Described:
    """What all stages have in common.

    Attributes:
        signature: what the function takes and gives.
    """

    signature: Signature

    @property
    def in_tree(self) -> Any:
        """The `PyTreeDef` of (args, kwargs), without static arguments; what has a place by position is in args."""
        return self.signature.in_tree

    @property
    def args_info(self) -> Any:
        """(args, kwargs) with an `Argument` (name, shape, dtype, visibility) for every array."""
        return jax.tree_util.tree_unflatten(self.in_tree, self.signature.arguments)

    @property
    def out_tree(self) -> Any:
        """The `PyTreeDef` of the results."""
        return self.signature.out_tree

    @property
    def out_info(self) -> Any:
        """The results with a `jax.ShapeDtypeStruct` for every array."""
        return jax.tree_util.tree_unflatten(self.out_tree, self.signature.outputs)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.signature}>"
