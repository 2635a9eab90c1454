"""How alike the tasks are: their labels, and the experts that they listen to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils._optional_dependencies import check_matplotlib_support

from sk_mmoe.inspection._drawing import check_task_names, draw_map, last_step, make_task_maps
from sk_mmoe.tasks._targets import check_same_length, read_targets

# Below this root mean square of the differences from the even gate there is only rounding.
_EVEN = 1e-6


class TaskRelatednessDisplay:
    """How alike the tasks' labels are, beside how alike their gates are.

    The maps answer two questions about the same pairs of tasks: do their labels go together, and
    do they listen to the same experts on the same samples. The second need not follow from the
    first, and neither says whether learning the tasks together pays: compare scores for that.

    Make it by :meth:`from_estimator`.

    Parameters
    ----------
    label_correlation : array-like of shape (n_tasks, n_tasks)
        The correlation between the labels of each pair of tasks.
    gate_similarity : array-like of shape (n_tasks, n_tasks), default=None
        The cosine between the gates of each pair of tasks. `None` draws the labels alone.
    task_names : sequence of str
        The names of the tasks.

    Attributes
    ----------
    label_correlation : ndarray of shape (n_tasks, n_tasks)
        The correlations of labels, in [-1, 1].
    gate_similarity : ndarray of shape (n_tasks, n_tasks) or None
        The cosines of gates, in [-1, 1].
    task_names : list of str
        The names of the tasks.
    axes_ : ndarray of shape (1,) or (2,) of matplotlib Axes
        The maps' axes, once drawn.
    figure_ : matplotlib Figure
        The figure, once drawn.
    im_ : list of matplotlib AxesImage
        The maps, once drawn.
    text_ : list of ndarray of shape (n_tasks, n_tasks) of matplotlib Text, or None
        The numbers in the cells of each map, once drawn.

    Raises
    ------
    ValueError
        If a matrix is not square, the two differ in shape, or a name for each task is missing.

    Notes
    -----
    *Labels.* Between numbers and tasks of two classes (0 and 1, in the order of `classes_`) it is
    Pearson's correlation. A task of more classes has no order, so its correlation with another task
    has no sign: it is the first canonical correlation between the indicators of its classes and the
    other task's numbers or indicators, of which the absolute value of Pearson's is a special case.
    It comes out too high where classes are rare. A pair counts the samples for which both labels
    are known, and is NaN if these are too few or do not vary.

    *Gates.* The even gate, which gives each of E experts the weight 1/E, is subtracted from the
    weights first: gates have no negative weights, and two that are nearly even would have a
    cosine near 1 whatever the rest of them does. Then follows the cosine over all samples and
    experts,
    ``sum((g - 1/E) * (h - 1/E)) / sqrt(sum((g - 1/E)**2) * sum((h - 1/E)**2))``.
    It is 1 for gates with the same weights on all samples, and -1/(E - 1) for two that have
    settled on an expert each. It is NaN for even gates. Experts that belong to one task, as in PLE,
    count too: the others give them the weight zero.

    Examples
    --------
    >>> from sk_mmoe import MMoERegressor
    >>> from sk_mmoe.datasets import make_multitask_sinusoid
    >>> from sk_mmoe.inspection import TaskRelatednessDisplay
    >>> X, y = make_multitask_sinusoid(500, n_features=10, random_state=0)
    >>> model = MMoERegressor(max_iter=5, random_state=0).fit(X, y)
    >>> display = TaskRelatednessDisplay.from_estimator(model, X, y)
    >>> display.label_correlation.shape, display.gate_similarity.shape
    ((2, 2), (2, 2))
    """

    def __init__(
        self,
        label_correlation: ArrayLike,
        gate_similarity: ArrayLike | None = None,
        *,
        task_names: Sequence[str],
    ) -> None:
        self.label_correlation = np.asarray(label_correlation, dtype=np.float64)
        shape = self.label_correlation.shape
        if len(shape) != 2 or shape[0] != shape[1]:
            raise ValueError(f"label_correlation must have shape (n_tasks, n_tasks), got {shape}.")
        self.gate_similarity = None
        if gate_similarity is not None:
            self.gate_similarity = np.asarray(gate_similarity, dtype=np.float64)
            if self.gate_similarity.shape != shape:
                raise ValueError(
                    f"gate_similarity must have the shape {shape} of label_correlation, got "
                    f"{self.gate_similarity.shape}."
                )
        self.task_names = check_task_names(task_names, shape[0])

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        level: int = -1,
        include_values: bool = True,
        cmap: Any = "RdBu_r",
        ax: Any = None,
    ) -> TaskRelatednessDisplay:
        """Compare the tasks of a fitted estimator on a table, and draw what comes out.

        Parameters
        ----------
        estimator : estimator
            A fitted estimator of this package, or a pipeline that ends in one. One without gates
            gives the map of labels alone.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.
        y : array-like of shape (n_samples,) or (n_samples, n_tasks)
            The targets. Labels may be missing.
        level : int, default=-1
            The level of mixture, where there are several: 0 is the first, -1 the last.
        include_values : bool, default=True
            Whether to write the numbers into the cells.
        cmap : str or matplotlib Colormap, default="RdBu_r"
            The colours, best diverging ones: zero is in their middle.
        ax : matplotlib Axes or array-like of Axes of length 1 or 2, default=None
            Where to draw, one axes for each map. `None` makes a new figure.

        Returns
        -------
        TaskRelatednessDisplay
            The display.

        Raises
        ------
        ValueError
            If the targets are not those of the estimator's tasks.
        ImportError
            If matplotlib is not installed.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        estimator, X = last_step(estimator, X)
        if not hasattr(estimator, "task_kinds_"):
            raise ValueError(
                f"{type(estimator).__name__} is no estimator of sk_mmoe. Pass one that is fitted, "
                "or a pipeline that ends in one."
            )
        targets = read_targets(y, estimator_name=type(estimator).__name__, complete=False)
        check_same_length(X, targets)
        labels = estimator.model_.tasks.encode(targets, dtype=torch.float64).numpy()
        codes = [
            OneHotEncoder(sparse_output=False).fit_transform(column) if nominal else column
            for column, nominal in zip(
                np.split(labels, labels.shape[1], axis=1),
                estimator.model_.tasks.is_nominal,
                strict=True,
            )
        ]
        similarity = None
        if hasattr(estimator, "gate_weights"):
            similarity = _gate_similarity(estimator.gate_weights(X, level=level))
        display = cls(
            _label_correlation(codes, targets.known), similarity, task_names=estimator.task_names_
        )
        return display.plot(include_values=include_values, cmap=cmap, ax=ax)

    def plot(
        self, *, include_values: bool = True, cmap: Any = "RdBu_r", ax: Any = None
    ) -> TaskRelatednessDisplay:
        """Draw the maps side by side.

        Parameters
        ----------
        include_values : bool, default=True
            Whether to write the numbers into the cells.
        cmap : str or matplotlib Colormap, default="RdBu_r"
            The colours, best diverging ones: zero is in their middle.
        ax : matplotlib Axes or array-like of Axes of length 1 or 2, default=None
            Where to draw, one axes for each map. `None` makes a new figure.

        Returns
        -------
        TaskRelatednessDisplay
            The display itself.

        Raises
        ------
        ValueError
            If there are more or fewer axes than maps.
        ImportError
            If matplotlib is not installed.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        maps = {"correlation of labels": self.label_correlation}
        if self.gate_similarity is not None:
            maps["cosine of gates"] = self.gate_similarity
        axes = make_task_maps(ax, len(maps), self.task_names)
        self.im_, text = [], []
        for panel, (title, values) in zip(axes, maps.items(), strict=True):
            image, written = draw_map(
                panel,
                values,
                rows=self.task_names,
                columns=self.task_names,
                cmap=cmap,
                vmin=-1,
                vmax=1,
                include_values=include_values,
                cells="+.2f",
            )
            panel.set_title(title)
            self.im_.append(image)
            text.append(written)
        axes[0].figure.colorbar(self.im_[0], ax=list(axes))
        self.text_ = text if include_values else None
        self.axes_, self.figure_ = axes, axes[0].figure
        return self


def _label_correlation(codes: list[np.ndarray], known: np.ndarray) -> np.ndarray:
    """Return the correlation between tasks from their codes, each of shape (n_samples, n_codes)."""
    n_tasks = len(codes)
    correlation = np.full((n_tasks, n_tasks), np.nan)
    for k in range(n_tasks):
        for j in range(k + 1):
            both = known[:, k] & known[:, j]
            value = _first_correlation(codes[k][both], codes[j][both])
            correlation[k, j] = correlation[j, k] = value
    return correlation


def _first_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Return Pearson's correlation of two single columns, else the first canonical correlation."""
    products = _whiten(a).T @ _whiten(b)
    if products.size == 0:
        return np.nan
    value = products.item() if a.shape[1] == b.shape[1] == 1 else np.linalg.norm(products, ord=2)
    return float(np.clip(value, -1, 1))


def _whiten(codes: np.ndarray) -> np.ndarray:
    """Return orthonormal columns that span the centred columns: none, if none of these vary."""
    if len(codes) == 0:
        return codes[:, :0]
    centred = codes - codes.mean(axis=0)
    sizes, directions = np.linalg.eigh(centred.T @ centred)
    varies = sizes > np.finfo(np.float64).eps * len(codes) * np.square(codes).sum()
    return centred @ (directions[:, varies] / np.sqrt(sizes[varies]))


def _gate_similarity(weights: np.ndarray) -> np.ndarray:
    """Return the cosine between tasks of gate weights (n_samples, n_tasks, n_experts)."""
    n_samples, n_tasks, n_experts = weights.shape
    away = (weights - 1 / n_experts).astype(np.float64).swapaxes(0, 1).reshape(n_tasks, -1)
    sizes = np.linalg.norm(away, axis=1)
    sizes[sizes <= _EVEN * np.sqrt(n_samples * n_experts)] = np.nan
    return np.clip(away @ away.T / np.outer(sizes, sizes), -1, 1)
