"""PPHLO operations between complex numbers and their parts. SPU writes all other complex arithmetic with these."""

from __future__ import annotations

from xdsl.irdl import irdl_op_definition

from ditto.dialects.pphlo_base import Binary, Unary


@irdl_op_definition
class ComplexOp(Binary):
    """lhs + i rhs."""

    name = "pphlo.complex"


@irdl_op_definition
class RealOp(Unary):
    """The real part; of a real number, the number."""

    name = "pphlo.real"


@irdl_op_definition
class ImagOp(Unary):
    """The imaginary part; of a real number, zero."""

    name = "pphlo.imag"


COMPLEX = (ComplexOp, RealOp, ImagOp)
