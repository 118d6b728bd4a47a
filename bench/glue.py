"""GLUE's tasks, whose files `spu_ditto.data.glue` reads, and their metrics (arXiv:1804.07461, table 1)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats
from sklearn import metrics

from spu_ditto.data.glue import TASKS, Examples, Task, read

__all__ = ["TASKS", "Examples", "Task", "read", "score"]


def score(task: Task, predicted: Sequence[float], targets: Sequence[float]) -> float:
    """The task's metric of class numbers (or scores)."""
    if task.metric == "pearson":
        return float(stats.pearsonr(predicted, targets).statistic)
    functions = {"accuracy": metrics.accuracy_score, "f1": metrics.f1_score, "matthews": metrics.matthews_corrcoef}
    return float(functions[task.metric](np.asarray(targets, int), np.asarray(predicted, int)))
