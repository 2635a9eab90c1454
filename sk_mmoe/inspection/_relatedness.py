"""How related the tasks are, by their labels and by their gates."""

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

# A root mean square difference from the even gate below this is rounding error.
_EVEN = 1e-6


class TaskRelatednessDisplay:
    """Heat maps of the correlation of labels and of the similarity of gates.

    The maps answer two questions about each pair of tasks. Are their labels correlated? Do the
    tasks use the same experts for the same samples? The second does not follow from the first.

    Neither map shows whether learning the tasks together improves the predictions. To find out,
    compare the scores of a shared network with those of :class:`~sk_mmoe.SingleTaskClassifier` or
    its siblings.

    Create it with :meth:`from_estimator`.

    Read more in the :doc:`User Guide </user_guide/models>`.

    Parameters
    ----------
    label_correlation : array-like of shape (n_tasks, n_tasks)
        The correlation of the labels of each pair of tasks.
    gate_similarity : array-like of shape (n_tasks, n_tasks), default=None
        The cosine between the gates of each pair of tasks. `None` draws only the labels.
    task_names : sequence of str
        The names of the tasks.

    Attributes
    ----------
    label_correlation : ndarray of shape (n_tasks, n_tasks)
        The correlations of labels, from -1 to 1.
    gate_similarity : ndarray of shape (n_tasks, n_tasks) or None
        The cosines of gates, from -1 to 1.
    task_names : list of str
        The names of the tasks.
    axes_ : ndarray of shape (1,) or (2,) of matplotlib Axes
        The axes of the maps. Defined after drawing, like the following attributes.
    figure_ : matplotlib Figure
        The figure.
    im_ : list of matplotlib AxesImage
        The heat maps.
    text_ : list of ndarray of shape (n_tasks, n_tasks) of matplotlib Text, or None
        The numbers in the cells of each map.

    Raises
    ------
    ValueError
        If a matrix is not square, the two differ in shape, or there is not one name per task.

    Notes
    -----
    *Labels.* Numbers and tasks with two classes (coded 0 and 1 in the order of `classes_`) have
    Pearson's correlation. Classes of a task with more classes have no order, so a correlation with
    that task has no sign. It is the first canonical correlation between the indicators of the
    classes and the numbers or indicators of the other task. The absolute value of Pearson's
    correlation is a special case. The value is too high if classes are rare. Each pair uses the
    samples with both labels known. The value is NaN if these are too few or do not vary.

    *Gates.* Gate weights are never negative, so two nearly even gates would have a cosine near 1
    whatever their differences. The weight 1/E of an even gate over E experts is therefore
    subtracted first. The value is the cosine over all samples and experts,
    ``sum((g - 1/E) * (h - 1/E)) / sqrt(sum((g - 1/E)**2) * sum((h - 1/E)**2))``.
    It is 1 for equal gates, -1/(E - 1) for two tasks that use one different expert each, and NaN
    for even gates. Experts of a single task (in PLE) are included with weight zero for the other
    tasks.

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
        """Compare the tasks of a fitted estimator on a table, and draw the result.

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
            The level of mixture, if there are several. 0 is the first level, -1 the last.
        include_values : bool, default=True
            Whether to write the numbers into the cells.
        cmap : str or matplotlib Colormap, default="RdBu_r"
            The colour map. Zero is in its middle, so choose a diverging one.
        ax : matplotlib Axes or array-like of Axes of length 1 or 2, default=None
            The axes to draw on, one per map. `None` creates a new figure.

        Returns
        -------
        TaskRelatednessDisplay
            The display.

        Raises
        ------
        ValueError
            If the targets do not match the tasks of the estimator.
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
        """Draw the heat maps side by side.

        Parameters
        ----------
        include_values : bool, default=True
            Whether to write the numbers into the cells.
        cmap : str or matplotlib Colormap, default="RdBu_r"
            The colour map. Zero is in its middle, so choose a diverging one.
        ax : matplotlib Axes or array-like of Axes of length 1 or 2, default=None
            The axes to draw on, one per map. `None` creates a new figure.

        Returns
        -------
        TaskRelatednessDisplay
            The display itself.

        Raises
        ------
        ValueError
            If the number of axes is not the number of maps.
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
    """Return the correlation between tasks from codes of shape (n_samples, n_codes) for each."""
    n_tasks = len(codes)
    correlation = np.full((n_tasks, n_tasks), np.nan)
    for k in range(n_tasks):
        for j in range(k + 1):
            both = known[:, k] & known[:, j]
            value = _first_correlation(codes[k][both], codes[j][both])
            correlation[k, j] = correlation[j, k] = value
    return correlation


def _first_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Return Pearson's correlation of two columns, or the first canonical correlation of more."""
    products = _whiten(a).T @ _whiten(b)
    if products.size == 0:
        return np.nan
    value = products.item() if a.shape[1] == b.shape[1] == 1 else np.linalg.norm(products, ord=2)
    return float(np.clip(value, -1, 1))


def _whiten(codes: np.ndarray) -> np.ndarray:
    """Return orthonormal columns that span the centred columns. Constant columns span nothing."""
    if len(codes) == 0:
        return codes[:, :0]
    centred = codes - codes.mean(axis=0)
    sizes, directions = np.linalg.eigh(centred.T @ centred)
    varies = sizes > np.finfo(np.float64).eps * len(codes) * np.square(codes).sum()
    return centred @ (directions[:, varies] / np.sqrt(sizes[varies]))


def _gate_similarity(weights: np.ndarray) -> np.ndarray:
    """Return the cosine between the tasks of gates of shape (n_samples, n_tasks, n_experts)."""
    n_samples, n_tasks, n_experts = weights.shape
    away = (weights - 1 / n_experts).astype(np.float64).swapaxes(0, 1).reshape(n_tasks, -1)
    sizes = np.linalg.norm(away, axis=1)
    sizes[sizes <= _EVEN * np.sqrt(n_samples * n_experts)] = np.nan
    return np.clip(away @ away.T / np.outer(sizes, sizes), -1, 1)
