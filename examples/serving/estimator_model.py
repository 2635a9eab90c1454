"""What the service predicts with a file of ``save_model``."""

from typing import Any

import numpy as np
import pandas as pd
import torch

from sk_mmoe import load_model

# A row is soon predicted: with several threads of torch for each they would fight for cores.
torch.set_num_threads(1)

Category = str | bool | int | float | None


class EstimatorModel:
    """A fitted estimator.

    Parameters
    ----------
    model : str or estimator
        The path of a file of ``save_model``, or an estimator that was fitted to a table whose
        columns have names.
    """

    def __init__(self, model: Any) -> None:
        self.model = load_model(model) if isinstance(model, str) else model
        self.title = f"{type(self.model).__name__}: {', '.join(self.model.task_names_)}"
        names, categorical = self.model.feature_names_in_, self.model.is_categorical_
        if categorical is None:
            categorical = np.zeros(len(names), dtype=bool)
        pairs = zip(names, categorical, strict=True)
        self.columns = {name: Category if is_one else float | None for name, is_one in pairs}
        self.numbers = names[~categorical]

    def answer(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return for each row and task a prediction, and the probabilities of classes."""
        cells = {name: [row[name] for row in rows] for name in self.columns}
        for name in self.numbers:  # NumPy reads a gap as NaN
            cells[name] = np.array(cells[name], dtype=float)
        X = pd.DataFrame(cells)
        names = self.model.task_names_
        found = []
        for values in np.asarray(self.model.predict(X)).reshape(len(X), -1):
            pairs = zip(names, values, strict=True)
            found.append({name: {"prediction": plain(value)} for name, value in pairs})
        if not hasattr(self.model, "predict_proba"):
            return found
        probas, classes = self.model.predict_proba(X), self.model.classes_
        if not isinstance(classes, list):  # y had one dimension
            probas, classes = [probas], [classes]
        for name, proba, labels in zip(names, probas, classes, strict=True):
            if proba is None:  # a task with numbers
                continue
            for row, parts in zip(found, proba, strict=True):
                pairs = zip(labels, parts, strict=True)
                row[name]["probabilities"] = {str(label): float(part) for label, part in pairs}
        return found


def plain(value: Any) -> Any:
    """Return a label or number as one of Python's, which JSON can express."""
    return value.item() if isinstance(value, np.generic) else value
