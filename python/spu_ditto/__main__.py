"""`python -m spu_ditto` is the command line."""

from ditto.cli import app

app(prog_name="python -m spu_ditto")
