"""One picture of a table: bars beside each other for what is compared, a group for each row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import typer


def draw_bars(path: Path, title: str, names: Sequence[str], series: Mapping[str, Sequence[float | None]]) -> None:
    """Writes a PNG.

    Args:
        title: what the numbers are.
        names: of the rows, from the top.
        series: a number a row, or None where there is none.

    Raises:
        typer.BadParameter: there is no matplotlib.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise typer.BadParameter("--plot needs matplotlib: pip install 'spu-ditto[search]'") from error
    # Without pyplot, which would look for a screen.
    figure = Figure(figsize=(7, 1.2 + 0.2 * len(names) * len(series)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    thick = 0.8 / len(series)
    for number, (label, values) in enumerate(series.items()):
        places = [(row + (number - (len(series) - 1) / 2) * thick, v) for row, v in enumerate(values) if v is not None]
        bars = axes.barh([place for place, _ in places], [value for _, value in places], thick, label=label)
        axes.bar_label(bars, fmt="%.2f", fontsize=7, padding=2)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_title(title, fontsize="medium")
    axes.margins(x=0.1)
    figure.legend(loc="outside lower center", ncols=len(series), fontsize="small")
    figure.savefig(path, dpi=120)
