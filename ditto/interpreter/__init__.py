"""Plaintext evaluation of PPHLO with NumPy."""

from ditto.interpreter.evaluate import EvaluationError, Interpreter, evaluate, evaluate_values, function_named

__all__ = ["EvaluationError", "Interpreter", "evaluate", "evaluate_values", "function_named"]
