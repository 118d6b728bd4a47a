"""Which part of the Python code may import which, and how often code asks an operation for its class.

A module may import from its own layer and from those below. What an operation is, its traits say: passes that list
classes instead would miss the next operation. Structures of operations are patterns (`ditto/analysis/pattern.py`).
"""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from ditto.dialects.pphlo import PPHLO
from ditto.dialects.ring import RING

ROOT = Path(__file__).parent.parent

# From the bottom. A module belongs to the longest name that it begins with.
LAYERS = (
    "ditto.errors",
    "ditto.encoding",
    "ditto.dialects",
    "ditto.interpreter",
    "ditto.policy",
    "ditto.parties",
    "ditto.analysis",
    "ditto.lowering",
    "ditto.passes",
    "ditto.policy.calibrate",
    "spu_ditto",
    "ditto.demo",
    "ditto.cli",
    "spu_ditto.__main__",
)
# The name of an attribute that a pass sets, read below it.
EXCEPTIONS = {"ditto.lowering.lower_to_program": {"ditto.passes.ring.assign_rings"}}
# What parties run: nothing but the engine and what describes its values.
NODE = "ditto.parties"
NODE_IMPORTS = ("ditto.parties", "ditto._core", "ditto.errors", "ditto.encoding", "ditto.policy.link")

OPERATIONS = {op.__name__ for op in (*PPHLO.operations, *RING.operations)}
MOST_TUPLES = 4
MOST_CLASS_TESTS = 80


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts[1:] if parts[0] == "python" else parts
    return ".".join(parts).removesuffix(".__init__")


TREES = {
    module_name(path): ast.parse(path.read_text())
    for folder in ("ditto", "python/spu_ditto")
    for path in sorted((ROOT / folder).rglob("*.py"))
}


def imported(statement: ast.stmt) -> Iterator[str]:
    """The modules of this repository that a statement imports."""
    match statement:
        case ast.Import():
            names = [alias.name for alias in statement.names]
        case ast.ImportFrom(module=str(module), level=0):
            inner = [f"{module}.{alias.name}" for alias in statement.names]
            names = [name if name in TREES or name == "ditto._core" else module for name in inner]
        case _:
            names = []
    yield from (name for name in names if name.split(".")[0] in ("ditto", "spu_ditto"))


def all_imports(module: str) -> set[str]:
    return {name for node in ast.walk(TREES[module]) if isinstance(node, ast.stmt) for name in imported(node)}


def imports_on_loading(module: str) -> set[str]:
    return {name for statement in TREES[module].body for name in imported(statement) if name in TREES}


def layer(module: str) -> str:
    """The longest of the layers' names that a module's begins with; "" if none does."""
    return max((name for name in LAYERS if f"{module}.".startswith(f"{name}.")), key=len, default="")


def test_the_sources_are_there() -> None:
    assert {name for name in LAYERS if not any(layer(module) == name for module in TREES)} == set()
    assert NODE in TREES


@pytest.mark.parametrize("module", [module for module in TREES if layer(module)])
def test_imports_come_from_the_same_layer_or_below(module: str) -> None:
    allowed = LAYERS[: LAYERS.index(layer(module)) + 1]
    above = {name for name in all_imports(module) if layer(name) and layer(name) not in allowed}
    assert above == EXCEPTIONS.get(module, set())


@pytest.mark.parametrize("module", [module for module in TREES if module.startswith(NODE)])
def test_a_node_does_not_import_the_compiler(module: str) -> None:
    foreign = {
        name
        for name in all_imports(module)
        if name != "ditto" and not f"{name}.".startswith(tuple(f"{n}." for n in NODE_IMPORTS))
    }
    assert foreign == set()


def test_no_modules_import_each_other_in_a_circle() -> None:
    # Raises CycleError, which names the modules.
    order = list(graphlib.TopologicalSorter({module: imports_on_loading(module) for module in TREES}).static_order())
    assert set(order) == set(TREES)


def names_operation(node: ast.AST, known: set[str]) -> bool:
    """Whether an expression names an operation's class: `ring.AddOp`, or one of the names known in its module."""
    for inner in ast.walk(node):
        match inner:
            case ast.Attribute(value=ast.Name("pphlo" | "ring"), attr=name) if name in OPERATIONS:
                return True
            case ast.Name(name) if name in known:
                return True
    return False


def imported_operations(tree: ast.Module) -> set[str]:
    """The operations that a module has imported by their own names from our dialects."""
    return {
        alias.name
        for statement in tree.body
        if isinstance(statement, ast.ImportFrom) and (statement.module or "").startswith("ditto.dialects.")
        for alias in statement.names
        if alias.name in OPERATIONS
    }


def private_tuples(tree: ast.Module) -> list[str]:
    """The private tuples (or unions) of operations that a module lists at its top."""
    found: list[str] = []
    for statement in tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name(name)], value=ast.Tuple() | ast.BinOp() as value):
                if name.startswith("_") and names_operation(value, imported_operations(tree) | set(found)):
                    found.append(name)
    return found


def class_tests(tree: ast.Module) -> list[str]:
    """The calls of `isinstance`, and the cases of `match`, that ask for operations' classes."""
    known = imported_operations(tree) | set(private_tuples(tree))
    found: list[str] = []
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name("isinstance"), args=[_, kinds]) if names_operation(kinds, known):
                found.append(ast.unparse(node))
            case ast.MatchClass(cls=kind) if names_operation(kind, known):
                found.append(ast.unparse(node))
    return found


def test_few_lists_of_operations() -> None:
    found = [f"{module}: {name}" for module, tree in TREES.items() for name in private_tuples(tree)]
    assert len(found) <= MOST_TUPLES, found


def test_few_questions_for_a_class() -> None:
    found = {module: len(tests) for module, tree in TREES.items() if (tests := class_tests(tree))}
    assert sum(found.values()) <= MOST_CLASS_TESTS, found
