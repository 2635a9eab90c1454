"""A fitted model as one module of torch: from numbers and codes to predictions."""

from __future__ import annotations

from copy import copy, deepcopy
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn

from sk_mmoe.columns._checks import read_numbers
from sk_mmoe.columns._frame import Frame
from sk_mmoe.columns._frames import as_frame, open_table
from sk_mmoe.columns._learning import HINT, read_values
from sk_mmoe.columns._reader import TableReader
from sk_mmoe.estimators._fitted import FittedModel
from sk_mmoe.export._table import TableInput
from sk_mmoe.tasks._encoder import TaskEncoder
from sk_mmoe.tasks._task import Task, TaskWithClasses, TaskWithNumbers

# torch takes a single row for a constant.
_EXAMPLE_ROWS = 2


class Program(nn.Module):
    """From the numbers and codes of a table to the predictions of all tasks.

    The tasks turn scores into predictions by operations of torch. They are traced with the network,
    so that a new kind of task needs nothing here.

    Parameters
    ----------
    model : FittedModel
        The fitted model.
    """

    def __init__(self, model: FittedModel) -> None:
        super().__init__()
        self.table = TableInput(model.reader, getattr(torch, model.net.dtype))
        self.network = deepcopy(model.net.module_).cpu().eval().requires_grad_(False)
        tasks = [_with_exact_numbers(task) for task in model.tasks.tasks]
        self.tasks = TaskEncoder(tasks, ndim=model.tasks.ndim)
        self.has_members = bool(model.net.further_seeds)

    def forward(
        self, numbers: Tensor | None = None, codes: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Return the predictions.

        Parameters
        ----------
        numbers : Tensor of float64 of shape (n_samples, n_number_columns), default=None
            The columns that are read from numbers; a missing one is NaN. `None`: there are none.
        codes : Tensor of int64 of shape (n_samples, n_categorical_columns), default=None
            The codes of the categorical columns, -1 for unseen categories. `None`: there are none.

        Returns
        -------
        dict of str to Tensor
            By the name of the task the number of the predicted class, or a number in the units of
            y. By the same name and "_probabilities" the probabilities of the classes.
        """
        scores = [part.double() for part in self.network(self.table(numbers, codes))]
        if self.has_members:
            scores = self.tasks.average(scores)
        predictions = {}
        for task, part in zip(self.tasks.tasks, scores, strict=True):
            if isinstance(task, TaskWithClasses):
                predictions[task.name] = task.likeliest(part)
                predictions[f"{task.name}_probabilities"] = task.log_proba(part).exp()
            elif isinstance(task, TaskWithNumbers):
                predictions[task.name] = task.in_units(part)
        return predictions


def _with_exact_numbers(task: Task) -> Task:
    """Return a task whose numbers are tensors: torch writes others in single precision."""
    exact = copy(task)
    for name, value in vars(task).items():
        if isinstance(value, float):
            setattr(exact, name, torch.tensor(value, dtype=torch.float64))
    return exact


def example_inputs(model: FittedModel) -> dict[str, Tensor]:
    """Return what the program of a model takes, for some rows.

    Parameters
    ----------
    model : FittedModel
        The fitted model.

    Returns
    -------
    dict of str to Tensor
        Numbers and codes, all zero, as far as the table has such columns.
    """
    numbers, labels = split_columns(model.reader)
    inputs = {}
    if numbers:
        inputs["numbers"] = torch.zeros(_EXAMPLE_ROWS, len(numbers), dtype=torch.float64)
    if labels:
        inputs["codes"] = torch.zeros(_EXAMPLE_ROWS, len(labels), dtype=torch.int64)
    return inputs


def read_inputs(model: FittedModel, X: Any) -> dict[str, Tensor]:
    """Return what the program of a model takes.

    Parameters
    ----------
    model : FittedModel
        The fitted model.
    X : {DataFrame, array-like, sparse matrix} of shape (n_samples, n_features)
        The table.

    Returns
    -------
    dict of str to Tensor
        The numbers and the codes, as far as the table has such columns.
    """
    reader = model.reader
    model.read(X)  # says what is wrong with X
    X = open_table(X)
    X = X.toarray() if sparse.issparse(X) else X
    frame = X if isinstance(X, Frame) else as_frame(X)
    frame = frame if frame.has_order else reader.check_names(frame)
    numbers, labels = split_columns(reader)
    inputs = {}
    if numbers:
        inputs["numbers"] = torch.from_numpy(read_numbers(frame, numbers, "float64", hint=HINT))
    if labels:
        columns = [(k, reader.layout.columns[k]) for k in labels]
        codes = [c.read(read_values(frame, k, c), frame.names[k]).codes[0] for k, c in columns]
        inputs["codes"] = torch.from_numpy(np.stack(codes, axis=1).astype(np.int64))
    return inputs


def split_columns(reader: TableReader) -> tuple[list[int], list[int]]:
    """Return which columns are read from numbers, and which from labels.

    Parameters
    ----------
    reader : TableReader
        How X is read.

    Returns
    -------
    numbers, labels : list of int
        The columns.
    """
    if reader.columns is None:
        return list(range(reader.n_features_in)), []
    columns = list(enumerate(reader.columns))
    numbers = [k for k, column in columns if column.reads == "numbers"]
    return numbers, [k for k, column in columns if column.reads == "labels"]
