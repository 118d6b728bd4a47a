"""Powers, roots and what exponentials and logarithms are the parts of.

A power by a public whole number or half of one is made of products and a root; any other is exp(y ln x), whose relative
error is 2^-10 and |y| 2^-12. A logarithm that stands in a result is off by 2^-12, an exponential by 2^-10 of itself.
"""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import TensorType, i1
from xdsl.ir import Attribute, Operation, SSAValue

from ditto.dialects import pphlo, ring
from ditto.dialects.dense import Array
from ditto.lowering.arithmetic import (
    Rule,
    absolute,
    add,
    bit_to_number,
    complement,
    less,
    multiply,
    multiply_public,
    negate,
    negative,
    of_one_dtype,
    select,
    subtract,
    zero,
)
from ditto.lowering.emitter import Emitter, Public, Value, integer_bits, secret
from ditto.lowering.functions import exponential, log, reciprocal, rsqrt, square_root, tanh
from ditto.lowering.rounding import floor

# Up to here a public exponent is a product of powers.
_MOST_FACTORS = 64
# erf(x) = tanh(x p(x^2)) to 2^-14.6 up to here, and 1 to 2^-17 beyond; minimax coefficients.
_ERF_END = 3.25
_ERF = (1.1281394749898463, 0.10409340622341992, -0.0017919933224152934)


def constant(number: float, like: Attribute) -> Public:
    """One number as a public tensor of a PPHLO type of floats."""
    return Public(like, np.broadcast_to(np.float64(number), ring.shape(like)))


def polynomial(e: Emitter, x: SSAValue, coefficients: tuple[float, ...], type: Attribute) -> SSAValue:
    """A polynomial by Horner's scheme, the constant term first."""
    total = multiply_public(e, x, constant(coefficients[-1], type))
    for c in reversed(coefficients[1:-1]):
        total = multiply(e, add(e, total, constant(c, type)), x)
    return add(e, total, constant(coefficients[0], type))


# ------------------------------------------------------------------------------------------------ powers


def power(e: Emitter, op: Operation, values: list[Value]) -> Value:
    x, y = values
    made = op.results[0]
    type = made.type
    if isinstance(y, Public) and isinstance(x, SSAValue) and (factors := _factors(y)) is not None:
        return _powers(e, x, factors, type)
    if not pphlo.is_float(type):
        raise e.fail("integers are raised to public powers that are not negative; convert them to floats first")
    if isinstance(y, Public) and (exponent := y.uniform()) is not None:
        assert isinstance(x, SSAValue)
        return _public_power(e, x, float(exponent), made)
    if isinstance(x, Public):
        assert isinstance(y, SSAValue)
        if x.numbers is None:
            x = e.made_secret(x, y)
        elif np.all(x.numbers > 0):
            return exponential(e, multiply_public(e, y, Public(type, np.log(x.numbers.astype(np.float64)))), made)
        else:
            raise e.fail("a public base of a secret power must be positive")
    if isinstance(y, Public):
        return exponential(e, multiply(e, log(e, x), y), made)
    source = op.operands[1].owner
    if isinstance(source, pphlo.ConvertOp) and integer_bits(source.operand.type) is not None:
        return _signed_power(e, x, y, made)
    return exponential(e, multiply(e, log(e, x), y), made)


def _signed_power(e: Emitter, x: SSAValue, y: SSAValue, made: SSAValue) -> SSAValue:
    """x^y for whole y: of a negative x the power of its size, negative where y is odd."""
    below = negative(e, x)
    size = exponential(e, multiply(e, log(e, absolute(e, x)), y), made)
    odd = e.emit(ring.ParityOp, [floor(e, y)], ring.bits(ring.shape(y)))
    return e.emit(ring.SelectOp, [multiply(e, below, odd), negate(e, size), size], size.type)


def _public_power(e: Emitter, x: SSAValue, exponent: float, made: SSAValue) -> Value:
    if not (2 * exponent).is_integer() or abs(exponent) > _MOST_FACTORS:
        return _by_logarithm(e, x, exponent, made)
    # The power of a reciprocal has digits that the reciprocal of a small power has not.
    whole, negated = int(abs(exponent)), exponent < 0
    result: Value | None = None
    if whole:
        factors = np.full(ring.shape(x), whole)
        result = _powers(e, reciprocal(e, x) if negated else x, factors, made.type)
    if exponent.is_integer():
        assert result is not None
        return result
    root = rsqrt(e, x) if negated else square_root(e, x)
    return root if result is None else multiply(e, result, root)


def _factors(y: Public) -> Array | None:
    """How many factors each element of a power has, where they are known and few; many if an integer has as many
    everywhere."""
    if y.numbers is None or not y.numbers.size or not np.all(y.numbers == np.rint(y.numbers)):
        return None
    few = y.numbers.max() <= _MOST_FACTORS or (not y.is_float and y.uniform() is not None)
    return y.numbers.astype(np.int64) if few and y.numbers.min() >= 0 else None


def _powers(e: Emitter, x: SSAValue, factors: Array, type: Attribute) -> Value:
    """x^n by squaring, for an n of its own for every element: no square is made where none is needed."""
    dtype = pphlo.dtype_of(pphlo.element_type(type))

    def where(chosen: Array, number: int) -> Value:
        condition = Public(TensorType(i1, list(factors.shape)), chosen)
        return select(e, condition, square, Public(type, np.full(factors.shape, number, dtype)), type)

    result: Value = Public(type, np.ones(factors.shape, dtype))
    square: Value = x
    while np.any(factors):
        square = where(factors > 0, 0)
        factor = where(factors % 2 == 1, 1)
        result = factor if isinstance(result, Public) else multiply(e, result, factor)
        factors = factors // 2
        if np.any(factors):
            square = multiply(e, square, square)
    return result


def _by_logarithm(e: Emitter, x: SSAValue, exponent: float, made: SSAValue) -> SSAValue:
    """e^(exponent ln x) for x > 0; for a positive exponent also for zero, where it is zero."""
    if exponent < 0:
        return exponential(e, multiply_public(e, log(e, x), constant(exponent, made.type)), made)
    none = zero(e, x)
    logarithm = log(e, add(e, x, bit_to_number(e, none, made.type)))
    result = exponential(e, multiply_public(e, logarithm, constant(exponent, made.type)), made)
    return multiply(e, complement(e, none), result)


# ------------------------------------------------------------------------------------------------ exp and log


def _exp_minus_one(e: Emitter, op: Operation, values: list[Value]) -> Value:
    made = op.results[0]
    return add(e, exponential(e, secret(values[0]), made), constant(-1.0, made.type))


def _log_plus_one(e: Emitter, op: Operation, values: list[Value]) -> Value:
    return log(e, add(e, secret(values[0]), constant(1.0, op.results[0].type)))


def _cube_root(e: Emitter, op: Operation, values: list[Value]) -> Value:
    """The root of the size, with the sign put back."""
    x = secret(values[0])
    root = _by_logarithm(e, absolute(e, x), 1 / 3, op.results[0])
    return e.emit(ring.SelectOp, [negative(e, x), negate(e, root), root], root.type)


def _two_exponentials(e: Emitter, x: SSAValue, made: SSAValue) -> tuple[SSAValue, SSAValue]:
    return exponential(e, x, made), exponential(e, negate(e, x), made)


def _sinh(e: Emitter, op: Operation, values: list[Value]) -> Value:
    up, down = _two_exponentials(e, secret(values[0]), op.results[0])
    return multiply_public(e, subtract(e, up, down), constant(0.5, op.results[0].type))


def _cosh(e: Emitter, op: Operation, values: list[Value]) -> Value:
    up, down = _two_exponentials(e, secret(values[0]), op.results[0])
    return multiply_public(e, add(e, up, down), constant(0.5, op.results[0].type))


def _asinh(e: Emitter, op: Operation, values: list[Value]) -> Value:
    """ln(|x| + sqrt(x^2 + 1)), with the sign put back."""
    x, type = secret(values[0]), op.results[0].type
    size = absolute(e, x)
    root = square_root(e, add(e, multiply(e, x, x), constant(1.0, type)))
    result = log(e, add(e, size, root))
    return e.emit(ring.SelectOp, [negative(e, x), negate(e, result), result], result.type)


def _acosh(e: Emitter, op: Operation, values: list[Value]) -> Value:
    """ln(x + sqrt(x^2 - 1))."""
    x, type = secret(values[0]), op.results[0].type
    below, above = (add(e, x, constant(c, type)) for c in (-1.0, 1.0))
    return log(e, add(e, x, square_root(e, multiply(e, below, above))))


def _atanh(e: Emitter, op: Operation, values: list[Value]) -> Value:
    """(ln(1 + x) - ln(1 - x)) / 2."""
    x, type = secret(values[0]), op.results[0].type
    above, below = (log(e, add(e, v, constant(1.0, type))) for v in (x, negate(e, x)))
    return multiply_public(e, subtract(e, above, below), constant(0.5, type))


def error_function(e: Emitter, x: SSAValue, type: Attribute) -> SSAValue:
    """erf x, as tanh of a polynomial of x, which is cut where erf ends. Error: that of tanh, and 2^-14."""
    end = constant(_ERF_END, type)
    for bound, side in ((end, 1), (constant(-_ERF_END, type), -1)):
        beyond = less(e, bound, x) if side > 0 else less(e, x, bound)
        x = secret(select(e, beyond, bound, x, type))
    # The selections do not show it.
    x = e.emit(ring.AddPublicOp, [x, e.encode(constant(0.0, type), ring.fraction(x))], x.type, fact=_ERF_END + 1)
    return tanh(e, multiply(e, polynomial(e, multiply(e, x, x), _ERF, type), x))


def _erf(e: Emitter, op: Operation, values: list[Value]) -> Value:
    return error_function(e, secret(values[0]), op.results[0].type)


def _erfc(e: Emitter, op: Operation, values: list[Value]) -> Value:
    type = op.results[0].type
    return subtract(e, constant(1.0, type), error_function(e, secret(values[0]), type))


# M. Giles, "Approximating the erfinv function" (GPU Computing Gems, 2012), for single precision.
_ERFINV_NEAR = (1.50140941, 0.246640727, -0.00417768164, -0.00125372503, 0.00021858087)
_ERFINV_FAR = (2.83297682, 1.00167406, 0.00943887047, -0.0076224613, 0.00573950773, -0.00367342844)


def _inverse_erf(e: Emitter, op: Operation, values: list[Value]) -> Value:
    """x p(w) for w = -ln(1 - x^2), or x q(sqrt w), where w >= 5."""
    x, type = secret(values[0]), op.results[0].type
    above, below = (add(e, v, constant(1.0, type)) for v in (x, negate(e, x)))
    w = negate(e, add(e, log(e, above), log(e, below)))
    near = polynomial(e, add(e, w, constant(-2.5, type)), _ERFINV_NEAR, type)
    far = less(e, constant(5.0, type), w)
    size = add(e, multiply(e, far, add(e, w, constant(-5.0, type))), constant(5.0, type))
    outer = polynomial(e, add(e, square_root(e, size), constant(-3.0, type)), _ERFINV_FAR, type)
    return multiply(e, secret(select(e, far, outer, near, type)), x)


RULES: dict[str, Rule] = {
    "pphlo.power": of_one_dtype(power),
    "pphlo.exponential_minus_one": _exp_minus_one,
    "pphlo.log_plus_one": _log_plus_one,
}
CALLS: dict[str, Rule] = {
    "mpc.acosh": _acosh,
    "mpc.asinh": _asinh,
    "mpc.atanh": _atanh,
    "mpc.cbrt": _cube_root,
    "mpc.cosh": _cosh,
    "mpc.erf": _erf,
    "mhlo.erf": _erf,
    "mpc.erfc": _erfc,
    "mpc.erf_inv": _inverse_erf,
    "mpc.sinh": _sinh,
}
