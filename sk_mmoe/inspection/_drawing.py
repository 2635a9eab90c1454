"""Helpers of the displays: the last step of a pipeline, its gates, panels and heat maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

_MAX_COLUMNS = 3
# Longer names of columns are rotated, otherwise they would overlap.
_LONG_NAME = 6
_CELL = (0.6, 0.5)
_CHARACTER = 0.085


def last_step(estimator: Any, X: Any = None) -> tuple[Any, Any]:
    """Return the last step of a pipeline and the inputs that reach it.

    Parameters
    ----------
    estimator : estimator
        A fitted estimator, or a fitted pipeline that ends in one.
    X : {array-like, sparse matrix} of shape (n_samples, n_features), default=None
        The inputs of the pipeline. `None` if only the estimator is needed.

    Returns
    -------
    estimator : estimator
        The estimator itself, or the last step of the pipeline.
    X : object
        The inputs, transformed by all steps but the last.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    """
    if hasattr(estimator, "steps"):
        if X is not None and len(estimator) > 1:
            X = estimator[:-1].transform(X)
        estimator = estimator[-1]
    check_is_fitted(estimator)
    return estimator, X


def gates_of(estimator: Any, X: Any, *, level: int = -1) -> tuple[Any, np.ndarray]:
    """Return the last step of a pipeline and its gate weights on a table.

    Parameters
    ----------
    estimator : estimator
        A fitted estimator, or a fitted pipeline that ends in one.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The inputs of the estimator or of the pipeline.
    level : int, default=-1
        The level of mixture. 0 is the first level, -1 the last.

    Returns
    -------
    estimator : estimator
        The estimator itself, or the last step of the pipeline.
    weights : ndarray of shape (n_samples, n_tasks, n_experts)
        The gate weights in double precision.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    ValueError
        If the estimator does not have gates.
    """
    estimator, X = last_step(estimator, X)
    if not hasattr(estimator, "gate_weights"):
        raise ValueError(
            f"{type(estimator).__name__} has no gates. Pass a fitted MMoE, OMoE or PLE estimator, "
            "or a pipeline that ends in one."
        )
    return estimator, estimator.gate_weights(X, level=level).astype(np.float64)


def check_task_names(task_names: Sequence[Any], n_tasks: int) -> list[str]:
    """Return the names of the tasks as strings.

    Parameters
    ----------
    task_names : sequence of str
        The names.
    n_tasks : int
        The required number of names.

    Returns
    -------
    list of str
        The names.

    Raises
    ------
    ValueError
        If the number of names is different.
    """
    names = [str(name) for name in task_names]
    if len(names) != n_tasks:
        raise ValueError(
            f"task_names must have one name for each of the {n_tasks} tasks, got {names}."
        )
    return names


def make_panels(
    ax: Any, n_panels: int, *, width: float, height: float, margin: float = 0, **options: Any
) -> np.ndarray:
    """Return axes for several panels.

    Parameters
    ----------
    ax : matplotlib Axes, array-like of Axes or None
        The axes that the user passed, one per panel. `None` creates a new figure.
    n_panels : int
        Number of panels.
    width, height : float
        Size of a panel of a new figure in inches.
    margin : float, default=0
        Additional width of a new figure in inches, for labels outside the panels.
    **options : object
        Passed to :func:`matplotlib.pyplot.subplots`.

    Returns
    -------
    ndarray of shape (n_panels,) of matplotlib Axes
        The axes. A new figure has up to three panels in a row.

    Raises
    ------
    ValueError
        If the number of axes is not the number of panels.
    """
    import matplotlib.pyplot as plt

    if ax is not None:
        axes = np.ravel(np.asarray(ax, dtype=object))
        if len(axes) != n_panels:
            raise ValueError(f"ax must have {n_panels} axes, one for each panel, got {len(axes)}.")
        return axes
    n_columns = min(n_panels, _MAX_COLUMNS)
    n_rows = -(-n_panels // n_columns)
    _, grid = plt.subplots(
        n_rows,
        n_columns,
        figsize=(margin + width * n_columns, height * n_rows),
        squeeze=False,
        layout="constrained",
        **options,
    )
    for spare in grid.flat[n_panels:]:
        spare.remove()
    return grid.ravel()[:n_panels]


def make_task_maps(ax: Any, n_maps: int, task_names: Sequence[str]) -> np.ndarray:
    """Return axes for several heat maps with tasks in rows and columns.

    The axes of a new figure are large enough for the names and the numbers in the cells.

    Parameters
    ----------
    ax : matplotlib Axes, array-like of Axes or None
        The axes that the user passed, one per map. `None` creates a new figure.
    n_maps : int
        Number of maps.
    task_names : sequence of str
        The names of the tasks.

    Returns
    -------
    ndarray of shape (n_maps,) of matplotlib Axes
        The axes.

    Raises
    ------
    ValueError
        If the number of axes is not the number of maps.
    """
    longest = max(map(len, task_names))
    below = _CHARACTER * longest if longest > _LONG_NAME else 0.2
    return make_panels(
        ax,
        n_maps,
        width=max(1.9, 0.2 + _CELL[0] * len(task_names)),
        height=max(1.6, _CELL[1] * len(task_names)) + 0.8 + below,
        margin=1.3 + _CHARACTER * longest,
        sharey=True,
    )


def draw_map(
    ax: Any,
    values: ArrayLike,
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    cmap: Any,
    vmin: float | None = None,
    vmax: float | None = None,
    include_values: bool = True,
    cells: np.ndarray | str = ".2f",
) -> tuple[Any, np.ndarray | None]:
    """Draw a matrix as a heat map with numbers in its cells.

    Parameters
    ----------
    ax : matplotlib Axes
        The axes to draw on.
    values : array-like of shape (n_rows, n_columns)
        The matrix. A NaN has no colour and is written as "n/a".
    rows, columns : sequence of str
        The names of rows and columns.
    cmap : str or matplotlib Colormap
        The colour map.
    vmin, vmax : float, default=None
        The values of the first and the last colour. `None` takes them from the matrix.
    include_values : bool, default=True
        Whether to write the numbers into the cells.
    cells : str or ndarray of str of shape (n_rows, n_columns), default=".2f"
        The format of the numbers, or the text of each cell.

    Returns
    -------
    image : matplotlib AxesImage
        The heat map.
    text : ndarray of shape (n_rows, n_columns) of matplotlib Text, or None
        The text of the cells. None if `include_values` is False.
    """
    values = np.asarray(values, dtype=np.float64)
    image = ax.imshow(values, cmap=cmap, vmin=vmin, vmax=vmax, aspect="auto")
    ax.set(
        xticks=range(len(columns)),
        xticklabels=columns,
        yticks=range(len(rows)),
        yticklabels=rows,
    )
    if max(map(len, columns), default=0) > _LONG_NAME:
        ax.tick_params("x", rotation=90)
    if not include_values:
        return image, None
    text = np.empty(values.shape, dtype=object)
    for (row, column), value in np.ndenumerate(values):
        written = format(value, cells) if isinstance(cells, str) else str(cells[row, column])
        if np.isnan(value):
            written = "n/a"
        red, green, blue, alpha = image.cmap(image.norm(value))
        # An empty cell shows the white background.
        dark = alpha > 0 and 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
        text[row, column] = ax.text(
            *(column, row, written), color="white" if dark else "black", ha="center", va="center"
        )
    return image, text
