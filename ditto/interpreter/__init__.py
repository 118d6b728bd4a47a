"""Plaintext evaluation of PPHLO with NumPy."""
