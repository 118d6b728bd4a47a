"""Passes over PPHLO and ring programs, one per file; `pipeline` orders them."""
