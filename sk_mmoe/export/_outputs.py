"""The outputs of an ONNX model: predictions of each task, and probabilities of its classes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sk_mmoe.tasks._encoder import TaskEncoder
from sk_mmoe.tasks._task import TaskWithClasses


class Output(NamedTuple):
    """An output of an ONNX model.

    Parameters
    ----------
    name : str
        Its name.
    dtype : numpy dtype
        Its type; object for strings.
    n_columns : int or None
        The number of columns. `None`: the output has one dimension.
    """

    name: str
    dtype: np.dtype
    n_columns: int | None = None


def find_outputs(tasks: TaskEncoder) -> list[Output]:
    """Return the outputs for the predictions of all tasks.

    Parameters
    ----------
    tasks : TaskEncoder
        The tasks.

    Returns
    -------
    list of Output
        For each task its labels and their probabilities, or numbers.

    Raises
    ------
    ValueError
        If labels have a type that ONNX lacks.
    """
    outputs = []
    for task in tasks.tasks:
        if isinstance(task, TaskWithClasses):
            labels = labels_of(task)
            outputs.append(Output(task.name, labels.dtype))
            probabilities = Output(f"{task.name}_probabilities", np.dtype(float), len(labels))
            outputs.append(probabilities)
        else:
            outputs.append(Output(task.name, np.dtype(float)))
    return outputs


def labels_of(task: TaskWithClasses) -> np.ndarray:
    """Return the classes of a task in a type that ONNX has.

    Parameters
    ----------
    task : TaskWithClasses
        The task.

    Returns
    -------
    ndarray of shape (n_classes,)
        The classes; objects are strings.

    Raises
    ------
    ValueError
        If there is no such type.
    """
    labels = task.classes.tolist()
    types = set(map(type, labels))
    if types == {str}:
        return np.array(labels, dtype=object)
    if types in ({bool}, {int}, {float}):
        classes = np.array(labels)
        return classes if task.classes.dtype == object else task.classes
    raise ValueError(
        f"the classes of task {task.name!r} are {labels[:5]}, and an ONNX model can only return "
        "strings, integers, floats or booleans. Convert them before fit, e.g. to strings."
    )
