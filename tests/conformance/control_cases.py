"""Operations of PPHLO that passes resolve, which therefore have no lowering rule, as cases: control, constants, parts.

They are small, and stand in all dtypes that the operation has elsewhere only where that makes a difference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.conformance.cases import DTYPES, Case, Operand, Tolerance, tensor

CONTROL: list[Case] = []
SHAPE = (2, 3)


def control(
    op: str, text: str, operands: tuple[Operand, ...], meaning: Callable[..., Any], tolerance: Tolerance | None = None
) -> None:
    """A case whose result has the dtype of its last operand; `SECRET` and `PUBLIC` in the text are its types."""
    element = operands[-1].element
    for name, secret in (("SECRET", True), ("PUBLIC", False)):
        text = text.replace(name, tensor(element, SHAPE, secret))
    levels = ("ordinary",)
    CONTROL.append(Case(op, operands, element, SHAPE, meaning, text, tolerance=tolerance, levels=levels))


def bit(secret: bool) -> Operand:
    return Operand("i1", (), secret)


def index(secret: bool) -> Operand:
    return Operand("i32", (), secret, lambda level, rng: rng.integers(-1, 4, ()).astype(np.int32))


for _e in ("f32", "f16", "i32", "i8"):
    _x, _number = Operand(_e, SHAPE), "1.5" if _e.startswith("f") else "3"
    _one = DTYPES[_e].type(float(_number))
    control(
        "pphlo.constant",
        f"%c = pphlo.constant dense<{_number}> : PUBLIC\n%r = pphlo.add %a, %c : (SECRET, PUBLIC) -> SECRET",
        (_x,),
        lambda x, c=_one: x + c,
    )
    control(
        "pphlo.iota",
        "%c = pphlo.iota dim = 1 : PUBLIC\n%r = pphlo.add %a, %c : (SECRET, PUBLIC) -> SECRET",
        (_x,),
        lambda x: x + np.arange(3).astype(x.dtype),
    )
    control(
        "pphlo.free",
        "%b = pphlo.negate %a : SECRET\n%r = pphlo.negate %b : SECRET\npphlo.free %b : SECRET",
        (_x,),
        lambda x: x,
    )
    for _secret in (True, False):
        _c = f"tensor<{'!pphlo.secret<i1>' if _secret else 'i1'}>"
        control(
            "pphlo.if",
            f'%r = "pphlo.if"(%a) ({{\n  %1 = pphlo.add %b, %b : SECRET\n  pphlo.return %1 : SECRET\n}}, {{\n'
            f"  %1 = pphlo.negate %b : SECRET\n  pphlo.return %1 : SECRET\n}}) : ({_c}) -> SECRET",
            (bit(_secret), _x),
            lambda c, x: x + x if c else -x,
        )
        _i = f"tensor<{'!pphlo.secret<i32>' if _secret else 'i32'}>"
        control(
            "pphlo.case",
            f'%r = "pphlo.case"(%a) ({{\n  %1 = pphlo.add %b, %b : SECRET\n  pphlo.return %1 : SECRET\n}}, {{\n'
            f"  %1 = pphlo.negate %b : SECRET\n  pphlo.return %1 : SECRET\n}}, {{\n"
            f"  pphlo.return %b : SECRET\n}}) : ({_i}) -> SECRET",
            (index(_secret), _x),
            # Any other number is the last branch's.
            lambda i, x: (x + x, -x, x)[int(i) if 0 <= i < 2 else 2],
        )
    for _op in ("pphlo.while", "pphlo.return"):
        control(
            _op,
            "%0 = pphlo.constant dense<0> : tensor<i32>\n%1 = pphlo.constant dense<1> : tensor<i32>\n"
            "%2 = pphlo.constant dense<2> : tensor<i32>\n"
            "%3, %r = pphlo.while(%i = %0, %x = %a) : tensor<i32>, SECRET\n cond {\n"
            "  %4 = pphlo.less %i, %2 : (tensor<i32>, tensor<i32>) -> tensor<i1>\n"
            "  pphlo.return %4 : tensor<i1>\n} do {\n"
            "  %4 = pphlo.add %i, %1 : tensor<i32>\n  %5 = pphlo.add %x, %x : SECRET\n"
            "  pphlo.return %4, %5 : tensor<i32>, SECRET\n}",
            (_x,),
            lambda x: x * 4,
        )

_COMPLEX = tensor("complex<f32>", SHAPE, True)
for _op, _part in (("pphlo.complex", "imag"), ("pphlo.real", "real"), ("pphlo.imag", "imag")):
    control(
        _op,
        f"%0 = pphlo.complex %a, %b : (SECRET, SECRET) -> {_COMPLEX}\n%r = pphlo.{_part} %0 : ({_COMPLEX}) -> SECRET",
        (Operand("f32", SHAPE), Operand("f32", SHAPE)),
        (lambda x, y: x) if _part == "real" else (lambda x, y: y),
    )
control(
    "pphlo.epsilon",
    '%c = "pphlo.epsilon"() : () -> tensor<f32>\n%0 = pphlo.broadcast %c, dims = [] : (tensor<f32>) -> PUBLIC\n'
    "%r = pphlo.add %a, %0 : (SECRET, PUBLIC) -> SECRET",
    (Operand("f32", SHAPE),),
    lambda x: x + 2.0**-18,
)
control(
    "pphlo.rng",
    "%l = pphlo.constant dense<0.000000e+00> : tensor<f32>\n%h = pphlo.constant dense<9.765625e-04> : tensor<f32>\n"
    '%0 = "pphlo.rng"(%l, %h) : (tensor<f32>, tensor<f32>) -> PUBLIC\n'
    "%r = pphlo.add %a, %0 : (SECRET, PUBLIC) -> SECRET",
    (Operand("f32", SHAPE),),
    # What is drawn is below 2^-10.
    lambda x: x + 2.0**-11,
    lambda expected, x: 2.0**-11 + 2.0**-16,
)
