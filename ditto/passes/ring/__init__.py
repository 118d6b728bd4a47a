"""Passes on ring programs, one per file."""
