"""How much the tasks of a cross-stitch network share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils._optional_dependencies import check_matplotlib_support

from sk_mmoe.inspection._drawing import check_task_names, draw_map, last_step, make_task_maps


class StitchDisplay:
    """Heat maps of the matrices of a cross-stitch network, one per hidden layer.

    Use it to see in which layers the tasks share. A row shows the weights that one task gives to
    the activations of all tasks [1]_. If all weights off the diagonal are zero, the tasks share
    nothing in that layer. The activations of different tasks may differ in scale, so a small weight
    can still matter.

    Create it with :meth:`from_estimator`.

    Read more in the :doc:`User Guide </user_guide/models>`.

    Parameters
    ----------
    weights : sequence of array-like of shape (n_tasks, n_tasks)
        The matrix of each hidden layer. If each unit has a matrix, their mean.
    spread : sequence of array-like of shape (n_tasks, n_tasks), default=None
        The standard deviations over units. `None` if the units of a layer share a matrix.
    task_names : sequence of str
        The names of the tasks.
    normalized : bool, default=False
        Whether each row was divided by the sum of its absolute values.

    Attributes
    ----------
    weights : ndarray of shape (n_layers, n_tasks, n_tasks)
        The matrices.
    spread : ndarray of shape (n_layers, n_tasks, n_tasks) or None
        The standard deviations over units.
    task_names : list of str
        The names of the tasks.
    normalized : bool
        Whether each row was divided by the sum of its absolute values.
    axes_ : ndarray of shape (n_layers,) of matplotlib Axes
        The axes of the maps. Defined after drawing, like the following attributes.
    figure_ : matplotlib Figure
        The figure.
    im_ : list of matplotlib AxesImage of length n_layers
        The heat maps.
    text_ : list of ndarray of shape (n_tasks, n_tasks) of matplotlib Text, or None
        The text in the cells of each map.

    Raises
    ------
    ValueError
        If there are no matrices, a matrix is not square, or there is not one name per task.

    References
    ----------
    .. [1] Misra et al. "Cross-stitch Networks for Multi-task Learning", CVPR 2016, equation 1.

    Examples
    --------
    >>> from sk_mmoe import CrossStitchRegressor
    >>> from sk_mmoe.datasets import make_multitask_sinusoid
    >>> from sk_mmoe.inspection import StitchDisplay
    >>> X, y = make_multitask_sinusoid(500, n_features=10, random_state=0)
    >>> model = CrossStitchRegressor(max_iter=5, random_state=0).fit(X, y)
    >>> StitchDisplay.from_estimator(model).weights.shape
    (2, 2, 2)
    """

    def __init__(
        self,
        weights: Sequence[ArrayLike],
        *,
        spread: Sequence[ArrayLike] | None = None,
        task_names: Sequence[str],
        normalized: bool = False,
    ) -> None:
        self.weights = np.asarray(weights, dtype=np.float64)
        shape = self.weights.shape
        if len(shape) != 3 or shape[1] != shape[2] or shape[0] == 0:
            raise ValueError(
                "weights must have shape (n_layers, n_tasks, n_tasks) with at least one layer, "
                f"got {shape}."
            )
        self.spread = None if spread is None else np.asarray(spread, dtype=np.float64)
        if self.spread is not None and self.spread.shape != shape:
            raise ValueError(
                f"spread must have the shape {shape} of weights, got {self.spread.shape}."
            )
        self.task_names = check_task_names(task_names, shape[1])
        self.normalized = normalized

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        normalize: bool = True,
        include_values: bool = True,
        cmap: Any = "RdBu_r",
        ax: Any = None,
    ) -> StitchDisplay:
        """Take the matrices of a fitted estimator and draw them.

        Parameters
        ----------
        estimator : estimator
            A fitted cross-stitch estimator, or a pipeline that ends in one.
        normalize : bool, default=True
            Whether to divide each row by the sum of its absolute values. The next layer can undo
            the scale of a row, so only the proportions within it show how tasks share. Set it to
            False to see the weights as they were learned.
        include_values : bool, default=True
            Whether to write the weights into the cells. If each unit has a matrix, the standard
            deviation over units is written below them.
        cmap : str or matplotlib Colormap, default="RdBu_r"
            The colour map. Zero is in its middle, so choose a diverging one.
        ax : matplotlib Axes or array-like of Axes of length n_layers, default=None
            The axes to draw on. `None` creates a new figure.

        Returns
        -------
        StitchDisplay
            The display.

        Raises
        ------
        ValueError
            If the estimator is not a cross-stitch network, or has no hidden layers.
        ImportError
            If matplotlib is not installed.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        estimator, _ = last_step(estimator)
        if not hasattr(estimator, "stitches_"):
            raise ValueError(
                f"{type(estimator).__name__} has no stitches. Pass a fitted cross-stitch "
                "estimator, or a pipeline that ends in one."
            )
        stitches = [stitch.astype(np.float64) for stitch in estimator.stitches_]
        if not stitches:
            raise ValueError(
                "the network has no hidden layers and therefore no stitches. Set "
                "hidden_layer_sizes to at least one layer."
            )
        if normalize:
            stitches = [_normalize_rows(stitch) for stitch in stitches]
        # A layer whose units share a matrix counts as one unit.
        by_unit = [stitch.reshape(-1, *stitch.shape[-2:]) for stitch in stitches]
        display = cls(
            [stitch.mean(axis=0) for stitch in by_unit],
            spread=[stitch.std(axis=0) for stitch in by_unit] if stitches[0].ndim == 3 else None,
            task_names=estimator.task_names_,
            normalized=normalize,
        )
        return display.plot(include_values=include_values, cmap=cmap, ax=ax)

    def plot(
        self, *, include_values: bool = True, cmap: Any = "RdBu_r", ax: Any = None
    ) -> StitchDisplay:
        """Draw the heat maps.

        Parameters
        ----------
        include_values : bool, default=True
            Whether to write the weights into the cells, and their spread if there is one.
        cmap : str or matplotlib Colormap, default="RdBu_r"
            The colour map. Zero is in its middle, so choose a diverging one.
        ax : matplotlib Axes or array-like of Axes of length n_layers, default=None
            The axes to draw on. `None` creates a new figure.

        Returns
        -------
        StitchDisplay
            The display itself.

        Raises
        ------
        ValueError
            If the number of axes is not the number of layers.
        ImportError
            If matplotlib is not installed.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        limit = 1.0 if self.normalized else float(np.abs(self.weights).max()) or 1.0
        axes = make_task_maps(ax, len(self.weights), self.task_names)
        self.im_, text = [], []
        for layer, panel in enumerate(axes):
            image, written = draw_map(
                panel,
                self.weights[layer],
                rows=self.task_names,
                columns=self.task_names,
                cmap=cmap,
                vmin=-limit,
                vmax=limit,
                include_values=include_values,
                cells=self._cells(layer),
            )
            panel.set(title=f"hidden layer {layer + 1}", xlabel="takes from")
            self.im_.append(image)
            text.append(written)
        axes[0].set_ylabel("task")
        label = "share of the row" if self.normalized else "weight"
        axes[0].figure.colorbar(self.im_[0], ax=list(axes), label=label)
        self.text_ = text if include_values else None
        self.axes_, self.figure_ = axes, axes[0].figure
        return self

    def _cells(self, layer: int) -> np.ndarray | str:
        """Return the text of the cells of a map, or the format of its numbers."""
        if self.spread is None:
            return "+.2f"
        cells = np.empty(self.spread[layer].shape, dtype=object)
        for place, deviation in np.ndenumerate(self.spread[layer]):
            cells[place] = f"{self.weights[layer][place]:+.2f}\n± {deviation:.2f}"
        return cells


def _normalize_rows(stitch: np.ndarray) -> np.ndarray:
    """Divide rows by the sums of their absolute values. A row of zeros is unchanged."""
    totals = np.abs(stitch).sum(axis=-1, keepdims=True)
    return stitch / np.where(totals > 0, totals, 1)
