"""How much the tasks of a cross-stitch network take from each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils._optional_dependencies import check_matplotlib_support

from sk_mmoe.inspection._drawing import check_task_names, draw_map, last_step, make_task_maps


class StitchDisplay:
    """The stitches of a cross-stitch network, a map for each hidden layer.

    A row shows what one task takes from the activations of all tasks [1]_. A map with zeros off its
    diagonal shares nothing in its layer. The weights apply to activations of different sizes, so a
    small one may still carry much.

    Make it by :meth:`from_estimator`.

    Parameters
    ----------
    weights : sequence of array-like of shape (n_tasks, n_tasks)
        The stitch of each hidden layer, the mean over units if each unit has one.
    spread : sequence of array-like of shape (n_tasks, n_tasks), default=None
        The standard deviations over units.
    task_names : sequence of str
        The names of the tasks.
    normalized : bool, default=False
        Whether the weights were divided by the sums of absolute values of their rows.

    Attributes
    ----------
    weights : ndarray of shape (n_layers, n_tasks, n_tasks)
        The stitches.
    spread : ndarray of shape (n_layers, n_tasks, n_tasks) or None
        The standard deviations over units.
    task_names : list of str
        The names of the tasks.
    normalized : bool
        Whether the weights were divided.
    axes_ : ndarray of shape (n_layers,) of matplotlib Axes
        The maps' axes, once drawn.
    figure_ : matplotlib Figure
        The figure, once drawn.
    im_ : list of matplotlib AxesImage of length n_layers
        The maps, once drawn.
    text_ : list of ndarray of shape (n_tasks, n_tasks) of matplotlib Text, or None
        What is written in the cells of each map, once drawn.

    Raises
    ------
    ValueError
        If the stitches are none or not square, or a name for each task is missing.

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
        """Take the stitches from a fitted estimator, and draw them.

        Parameters
        ----------
        estimator : estimator
            A fitted cross-stitch estimator, or a pipeline that ends in one.
        normalize : bool, default=True
            Whether to divide each row by the sum of its absolute values, for each unit if each has
            a stitch. The next layer can undo the scale of a row, so only the proportions in it
            tell how tasks share. `False` shows the weights as they were learned.
        include_values : bool, default=True
            Whether to write the weights into the cells, and under them the standard deviation over
            units if each has a stitch.
        cmap : str or matplotlib Colormap, default="RdBu_r"
            The colours, best diverging ones: zero is in their middle.
        ax : matplotlib Axes or array-like of Axes of length n_layers, default=None
            Where to draw. `None` makes a new figure.

        Returns
        -------
        StitchDisplay
            The display.

        Raises
        ------
        ValueError
            If the estimator has no stitches.
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
                "the network has no hidden layers and so no stitches. Give hidden_layer_sizes at "
                "least one."
            )
        if normalize:
            stitches = [_normalize_rows(stitch) for stitch in stitches]
        # A layer without stitches of units counts as one unit.
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
        """Draw the maps.

        Parameters
        ----------
        include_values : bool, default=True
            Whether to write the weights, and their spread if there is one, into the cells.
        cmap : str or matplotlib Colormap, default="RdBu_r"
            The colours, best diverging ones: zero is in their middle.
        ax : matplotlib Axes or array-like of Axes of length n_layers, default=None
            Where to draw. `None` makes a new figure.

        Returns
        -------
        StitchDisplay
            The display itself.

        Raises
        ------
        ValueError
            If there are more or fewer axes than layers.
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
        """Return what to write in the cells of a map, or the format of its numbers."""
        if self.spread is None:
            return "+.2f"
        cells = np.empty(self.spread[layer].shape, dtype=object)
        for place, deviation in np.ndenumerate(self.spread[layer]):
            cells[place] = f"{self.weights[layer][place]:+.2f}\n± {deviation:.2f}"
        return cells


def _normalize_rows(stitch: np.ndarray) -> np.ndarray:
    """Divide rows by the sums of their absolute values; a row of zeros stays."""
    totals = np.abs(stitch).sum(axis=-1, keepdims=True)
    return stitch / np.where(totals > 0, totals, 1)
