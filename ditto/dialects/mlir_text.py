"""MLIR's text, byte for byte, on top of xDSL's parser and printer.

xDSL 0.74 numbers SSA values in print order and prints a few forms differently. SPU's text is MLIR's, so this module
closes the gap. Every use of a private xDSL name in the project stands here, behind the round-trip tests.
"""

from __future__ import annotations

import io
import re

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, Region
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.utils.exceptions import ParseError

from ditto.errors import CompileError, UnsupportedError

# An operation's name at its place in a line, and the short form of a reduction's body.
_OP_NAME = re.compile(
    r'^\s*(?:%[\w:#, %]+= )?"?([A-Za-z_]\w*\.\w+)"?(?=[\s("]|$)|\bapplies ([a-z_]\w*\.\w+)', re.MULTILINE
)


class UnsupportedOp(UnsupportedError):
    """The program holds an operation that no dialect here defines. `op` is its name, `line` where it stands."""

    def __init__(self, op: str, source: str, line: int) -> None:
        super().__init__(
            f"{source}:{line}: operation '{op}' is not supported; rewrite the function without it, "
            "or compute that part outside of the secure program"
        )
        self.op = op
        self.line = line


class InvalidProgram(CompileError):
    """The text is not a program: it does not parse, or it does not verify."""

    def __init__(self, reason: str) -> None:
        super().__init__(None, reason)


class MlirPrinter(Printer):
    """Prints a module as `mlir-opt` would: values numbered region by region before nested regions."""

    def print_module(self, module: ModuleOp) -> None:
        for region in module.regions:
            self._number(region, 0, 0)
        self.print_op(module)

    def _number(self, region: Region, values: int, arguments: int) -> None:
        for block in region.blocks:
            for argument in block.args:
                self._ssa_values[argument] = f"arg{arguments}"
                arguments += 1
            for op in block.ops:
                if not op.results:
                    continue
                many = len(op.results) > 1
                for index, result in enumerate(op.results):
                    self._ssa_values[result] = f"{values}#{index}" if many else str(values)
                values += 1
        for block in region.blocks:
            for op in block.ops:
                isolated = op.name == "func.func"
                for inner in op.regions:
                    self._number(inner, 0 if isolated else values, 0 if isolated else arguments)

    def _print_results(self, op: Operation) -> None:
        if len(op.results) > 1:
            name = self._ssa_values[op.results[0]].split("#")[0]
            self.print_string(f"%{name}:{len(op.results)} = ")
        else:
            super()._print_results(op)


def print_module(module: ModuleOp) -> str:
    """The text of a module, identical to what MLIR prints for it."""
    stream = io.StringIO()
    MlirPrinter(stream).print_module(module)
    text = stream.getvalue().replace("builtin.module", "module", 1)
    return re.sub(r"^(\s*)func\.return", r"\1return", text, flags=re.MULTILINE) + "\n"


def parse(context: Context, text: str, source: str) -> ModuleOp:
    """Reads one module and verifies it.

    Raises UnsupportedOp for an operation outside the context's dialects, InvalidProgram for anything else; both name
    the line in `source`.
    """
    parser = Parser(context, text, source)
    try:
        module = parser.parse_module()
        module.verify()
    except ParseError as error:
        for match in _OP_NAME.finditer(text):
            name = match.group(1) or match.group(2)
            if context.get_optional_op(name) is None:
                start = match.start(1) if match.group(1) else match.start(2)
                raise UnsupportedOp(name, source, text.count("\n", 0, start) + 1) from None
        raise InvalidProgram(str(error)) from error
    except Exception as error:
        raise InvalidProgram(f"{source}: {error}") from error
    return module


def take_dense_literal(parser: Parser) -> str:
    """Consumes `dense<...>` and returns what stands between the brackets, unread."""
    parser.parse_keyword("dense")
    content = parser.lexer.input.content
    start = content.index("<", parser.pos)
    # No `>` occurs inside a dense literal.
    end = content.index(">", start)
    parser._resume_from(end + 1)
    return content[start + 1 : end]


def print_line_break(printer: Printer) -> None:
    """A new line at the current indentation and one column further in, where PPHLO puts a region's keyword."""
    printer._print_new_line()
    printer.print_string(" ")
