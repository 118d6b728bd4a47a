"""Two pictures of a search: what each head and layer became, and accuracy against cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from spu_ditto.errors import UnsupportedError
from spu_ditto.search.plan import Plan

if TYPE_CHECKING:
    from spu_ditto.search.run import Results


def draw(results: Results, folder: Path) -> None:
    """Writes architecture.png and pareto.png.

    Raises:
        UnsupportedError: there is no matplotlib.
    """
    _architecture(results.plans).savefig(folder / "architecture.png", dpi=120)
    _pareto(results).savefig(folder / "pareto.png", dpi=120)


def _figure(columns: int, width: float, height: float) -> tuple[Any, Any]:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UnsupportedError("pictures need matplotlib: pip install 'spu-ditto[search]'") from error
    # Without pyplot, which would keep the figure, and look for a screen.
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(1, columns, squeeze=False)[0]


def _architecture(plans: dict[str, Plan]) -> Any:
    """Layers downwards, heads to the right, and the activation beside them; a part for each plan."""
    from matplotlib import colormaps
    from matplotlib.patches import Patch, Rectangle

    # In the order of their first appearance, so that the same forms have the same colours.
    names = list(dict.fromkeys(form for plan in plans.values() for row in plan.attention for form in row))
    functions = list(dict.fromkeys(form for plan in plans.values() for form in plan.activation))
    colours = {name: colormaps["tab10"](n) for n, name in enumerate(names)}
    pale = {name: colormaps["Pastel2"](n) for n, name in enumerate(functions)}
    first = next(iter(plans.values()))
    layers, heads = len(first.attention), len(first.attention[0])
    figure, parts = _figure(len(plans), 1.2 + len(plans) * (0.35 * heads + 1.2), 1.4 + 0.35 * layers)
    for axes, (name, plan) in zip(parts, plans.items(), strict=True):
        for layer, row in enumerate(plan.attention):
            for head, form in enumerate(row):
                axes.add_patch(Rectangle((head, layer), 0.94, 0.9, color=colours[form]))
            axes.add_patch(Rectangle((heads + 0.3, layer), 0.94, 0.9, color=pale[plan.activation[layer]]))
        axes.set(title=name, xlabel="head", xlim=(-0.1, heads + 1.4), ylim=(layers + 0.1, -0.1), aspect="equal")
        axes.set_xticks([n + 0.47 for n in range(heads)] + [heads + 0.77], [*map(str, range(heads)), "MLP"])
        axes.set_yticks([n + 0.45 for n in range(layers)], [str(n) for n in range(layers)])
        axes.title.set_fontsize("small")
    parts[0].set_ylabel("layer")
    legend = [Patch(color=colours[name], label=name) for name in names]
    legend += [Patch(color=pale[name], label=f"MLP: {name}") for name in functions]
    figure.legend(handles=legend, loc="outside right upper", fontsize="small")
    return figure


def _pareto(results: Results) -> Any:
    """Crosses are as predicted, with a line from one searched network to the next; dots are as compiled."""
    figure, (axes,) = _figure(1, 6.4, 4.4)
    for kind, colour in (("teacher", "tab:gray"), ("uniform", "tab:orange"), ("searched", "tab:blue")):
        rows = sorted((row for row in results.rows if row.kind == kind), key=lambda row: row.predicted_seconds)
        accuracies = [100 * row.accuracy for row in rows]
        axes.plot(
            [row.predicted_seconds for row in rows],
            accuracies,
            "x-" if kind == "searched" else "x",
            color=colour,
            label=f"{kind}, predicted",
        )
        axes.plot([row.seconds for row in rows], accuracies, "o", mfc="none", color=colour, label=f"{kind}, compiled")
        for row, accuracy in zip(rows, accuracies, strict=True):
            axes.annotate(row.name, (row.seconds, accuracy), fontsize=7, xytext=(4, 4), textcoords="offset points")
    axes.set(xlabel=f"seconds of the network, {results.network}", ylabel="accuracy of test pictures, %")
    axes.legend(fontsize="small")
    return figure
