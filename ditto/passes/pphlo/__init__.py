"""Passes on PPHLO, one per file."""
