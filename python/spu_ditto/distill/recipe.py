"""What a student is made of, and how it is taught: declarations, no code.

Where a recipe is a paper's, its rates and losses are the authors'; numbers of steps are what two cores do in minutes,
and may be raised.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from spu_ditto.errors import UnsupportedError
from spu_ditto.nn.forms import ActivationForm, AttentionForm, NormForm

# How a student's forward pass is rounded in training.
QuantisationAware = Literal["weights", "program"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Stage(_Strict):
    """A part of the training.

    Attributes:
        steps, batch: how many steps of so many texts.
        rate: of learning, after a linear warm-up over the part `warmup` of the steps.
        decay: whether it falls to 0 linearly, or stays.
        hidden, scores: weights of the mean squared errors of hidden states and of attention's scores, each a mean over
            all layers and real tokens.
        logits: weight of the cross-entropy with the teacher's probabilities.
        tokens: weight of the mean squared error of what the last layer gives, each token brought to mean 0 and
            variance 1.
        labels: weight of the cross-entropy with the true classes.
        frozen: beginnings of the names of weights that stay.
        quantisation_aware: what is rounded in the student's forward pass, straight through backward. "program": all
            that the parties round, by their own coins, as in the program that the student compiles to where the stage
            begins (`spu_ditto.distill.emulate`); it gives logits alone. "weights": weights to 2^-10 and biases to
            2^-20, which they keep (Ditto). The dev set is looked at through the same.
    """

    steps: int = Field(gt=0)
    batch: int = Field(default=16, gt=0)
    rate: float = Field(gt=0)
    warmup: float = Field(default=0.0, ge=0, le=1)
    decay: Literal["linear", "constant"] = "linear"
    hidden: float = 0.0
    scores: float = 0.0
    logits: float = 0.0
    tokens: float = 0.0
    labels: float = 0.0
    frozen: tuple[str, ...] = ()
    quantisation_aware: QuantisationAware | None = None

    @model_validator(mode="after")
    def _has_its_losses(self) -> Self:
        if self.quantisation_aware == "program" and (self.hidden or self.scores or self.tokens):
            raise ValueError("a program gives no hidden states and scores: match them in a stage of its own before")
        return self


class Recipe(_Strict):
    """How a student is made.

    Attributes:
        attention, activation, norm: what stands for the teacher's own. Norms are replaced where all is fitted.
        fitted: whether it is adjusted to the teacher before training (`spu_ditto.nn.fit`).
        stages: one after the other; after each the weights that did best on the dev set go on, or those that it began
            with.
        source: where it is from.
    """

    attention: AttentionForm
    activation: ActivationForm
    norm: NormForm | tuple[NormForm, NormForm] = "raw"
    fitted: bool
    stages: tuple[Stage, ...]
    source: str

    @model_validator(mode="after")
    def _fits_what_has_to_be(self) -> Self:
        if self.norm != "raw" and not self.fitted:
            raise ValueError("what stands for norms has to be fitted: take the recipe fitted")
        return self


_MATCH = Stage(steps=900, rate=5e-5, decay="constant", hidden=1.0, scores=1.0)
_IMITATE = Stage(steps=400, rate=1e-5, warmup=0.1, logits=1.0)

RECIPES: dict[str, Recipe] = {
    "ditto": Recipe(
        attention="raw",
        activation="quad",
        fitted=False,
        stages=(_MATCH, _IMITATE),
        source="Ditto (ICML 2024): quadratic GELU, stock softmax; MPCFormer's two stages",
    ),
    "mpcformer": Recipe(
        attention="2quad",
        activation="quad",
        fitted=False,
        stages=(_MATCH, _IMITATE),
        source="MPCFormer (ICLR 2023), https://github.com/DachengLi1/MPCFormer",
    ),
    "freediv": Recipe(
        attention="2quad-freediv",
        activation="quad",
        fitted=False,
        stages=(_MATCH, _IMITATE),
        source="freeDiv attention (J. Computer Research and Development 61(5), 2024); MPCFormer's two stages",
    ),
    "fitted": Recipe(
        attention="raw",
        activation="quadratic",
        fitted=True,
        stages=(Stage(steps=100, rate=1e-5, warmup=0.1, logits=1.0, frozen=("bert.embeddings",)),),
        source="this project: neuron quadratics by least squares, then the teacher's probabilities",
    ),
}


def recipe(
    name: str,
    attention: AttentionForm | None = None,
    activation: ActivationForm | None = None,
    norm: NormForm | tuple[NormForm, NormForm] | None = None,
    quantisation_aware: QuantisationAware | None = None,
) -> Recipe:
    """A recipe by name, with other stand-ins if they are given, and a last stage that rounds if that is asked for.

    Raises:
        UnsupportedError: there is none of this name.
    """
    if name not in RECIPES:
        raise UnsupportedError(f"there is no recipe {name}; there are {', '.join(RECIPES)}")
    changes = {
        key: value for key, value in (("attention", attention), ("activation", activation), ("norm", norm)) if value
    }
    made = Recipe.model_validate({**RECIPES[name].model_dump(), **changes})
    if name == "fitted" and (made.attention, made.norm) != ("raw", "raw"):
        # What attends otherwise, or is not normalised, has to learn more than the last bits.
        matching = Stage(steps=400, rate=5e-5, hidden=1.0, logits=0.5, frozen=("bert.embeddings",))
        imitating = Stage(steps=300, rate=2e-5, warmup=0.1, logits=1.0, frozen=("bert.embeddings",))
        made = made.model_copy(update={"stages": (matching, imitating)})
    if quantisation_aware is None:
        return made
    last = Stage.model_validate({**made.stages[-1].model_dump(), "quantisation_aware": quantisation_aware})
    return made.model_copy(update={"stages": (*made.stages[:-1], last)})
