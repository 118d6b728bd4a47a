"""Teaching a model that is cheap on shares to be as good as the one it is made of.

    student, results = distill("minilm", "sentiment", "fitted", Path("run"))

Needs the extra `distill`; nothing that compiles or computes on shares imports it.
"""

from spu_ditto.distill.run import Results, distill

__all__ = ["Results", "distill"]
