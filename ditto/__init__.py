"""Secure mixed-precision inference for SPU: the compiler and the engine."""
