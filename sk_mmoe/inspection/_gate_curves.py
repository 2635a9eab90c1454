"""How the gate weights depend on a feature or on the sample."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.utils import _safe_indexing, check_scalar
from sklearn.utils._optional_dependencies import check_matplotlib_support

from sk_mmoe.inspection._drawing import check_task_names, gates_of, make_panels

# Quantiles that contain the middle 80 % of the samples.
_BAND = (0.1, 0.9)
_MAX_BANDS = 4
_MAX_COLUMNS = 300
_LINES = ("-", "--", "-.", ":")
_MARKERS = "os^Dvx*+"
# The points of a category occupy this part of the distance between categories.
_DODGE = 0.75
# A longer title is drawn smaller, otherwise it would overlap the next one.
_LONG_TITLE = 26


class GateCurvesDisplay:
    """Gate weights of each task along a feature, or over all samples.

    Use it to see for which rows a task uses which expert.

    *Along a feature.* A point is the mean weight of an expert in a group of samples. A group is a
    bin of a numeric feature or a category. The band, or the bar of a category, contains the middle
    80 % of the samples. A flat line is an expert whose weight does not depend on the feature. The
    means also reflect other features that are correlated with this one, so the curves do not show
    causes.

    *Over samples.* Each task has a heat map with one column per sample. The samples are sorted by
    the expert with the highest weight and then by that weight, separately for each task. With more
    than 300 samples, a column is the mean of several neighbours. A staircase of bright blocks means
    that the gate picks different experts for different samples. Even bands mean that it treats all
    samples alike.

    Create it with :meth:`from_estimator`.

    Read more in the :doc:`User Guide </user_guide/models>`.

    Parameters
    ----------
    weights : array-like of shape (n_points, n_tasks, n_experts)
        The mean weights of the groups, or the weights of single samples.
    positions : array-like of shape (n_points,), default=None
        The values of the feature or the names of the categories. `None` if the points are samples.
    bounds : array-like of shape (2, n_points, n_tasks, n_experts), default=None
        The lower and upper ends of the bands. `None` draws no bands.
    task_names : sequence of str
        The names of the tasks.
    feature_name : str, default=None
        The name of the feature.

    Attributes
    ----------
    weights : ndarray of shape (n_points, n_tasks, n_experts)
        The weights.
    positions : ndarray of shape (n_points,) or None
        The values of the feature or the names of the categories.
    bounds : ndarray of shape (2, n_points, n_tasks, n_experts) or None
        The ends of the bands.
    task_names : list of str
        The names of the tasks.
    feature_name : str or None
        The name of the feature.
    axes_ : ndarray of shape (n_tasks,) of matplotlib Axes
        The panels. Defined after drawing, like the following attributes.
    figure_ : matplotlib Figure
        The figure.
    lines_ : ndarray of shape (n_tasks, n_experts) of matplotlib Line2D, or None
        The curves along a feature.
    bands_ : ndarray of shape (n_tasks, n_experts) of matplotlib Collection, or None
        The bands or bars around the curves.
    im_ : list of matplotlib AxesImage of length n_tasks, or None
        The heat maps over samples.

    Raises
    ------
    ValueError
        If shapes do not match, or there is not one name per task.

    See Also
    --------
    GateWeightsDisplay : The weights averaged over all samples.
    ExpertUseDisplay : How evenly the tasks use the experts.

    Examples
    --------
    >>> from sk_mmoe import MMoERegressor
    >>> from sk_mmoe.datasets import make_multitask_sinusoid
    >>> from sk_mmoe.inspection import GateCurvesDisplay
    >>> X, y = make_multitask_sinusoid(500, n_features=10, random_state=0)
    >>> model = MMoERegressor(n_experts=4, max_iter=5, random_state=0).fit(X, y)
    >>> GateCurvesDisplay.from_estimator(model, X, feature=3, n_bins=5).weights.shape
    (5, 2, 4)
    >>> GateCurvesDisplay.from_estimator(model, X).weights.shape
    (500, 2, 4)
    """

    def __init__(
        self,
        weights: ArrayLike,
        *,
        positions: ArrayLike | None = None,
        bounds: ArrayLike | None = None,
        task_names: Sequence[str],
        feature_name: str | None = None,
    ) -> None:
        self.weights = np.asarray(weights, dtype=np.float64)
        if self.weights.ndim != 3 or len(self.weights) == 0:
            raise ValueError(
                "weights must have shape (n_points, n_tasks, n_experts) with at least one point, "
                f"got {self.weights.shape}."
            )
        self.task_names = check_task_names(task_names, self.weights.shape[1])
        self.positions = None if positions is None else np.asarray(positions)
        if self.positions is not None and self.positions.shape != (len(self.weights),):
            raise ValueError(
                f"positions must have shape ({len(self.weights)},), one for each point of weights, "
                f"got {self.positions.shape}."
            )
        self.bounds = None if bounds is None else np.asarray(bounds, dtype=np.float64)
        if self.bounds is not None and self.bounds.shape != (2, *self.weights.shape):
            raise ValueError(
                f"bounds must have shape {(2, *self.weights.shape)}, a lower and an upper end for "
                f"each weight, got {self.bounds.shape}."
            )
        self.feature_name = feature_name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        feature: str | int | None = None,
        n_bins: int = 10,
        level: int = -1,
        band: bool | None = None,
        cmap: Any = "viridis",
        ax: Any = None,
    ) -> GateCurvesDisplay:
        """Compute the gate weights of a fitted estimator and draw them.

        Parameters
        ----------
        estimator : estimator
            A fitted estimator with gates (MMoE, OMoE, PLE), or a pipeline that ends in one.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.
        feature : str or int, default=None
            The name or index of a column of the `X` that is passed here, before any step of a
            pipeline. Samples with a missing or infinite value are left out. `None` draws the
            weights over all samples.
        n_bins : int, default=10
            Maximum number of groups. A numeric feature with more distinct values is divided at its
            quantiles, and each point is at the median of its bin. A value that would fill a bin
            alone, such as a frequent zero, has a separate bin. If there are more categories, the
            rarest ones are drawn together as "(other)".
        level : int, default=-1
            The level of mixture, if there are several. 0 is the first level, -1 the last.
        band : bool, default=None
            Whether to draw the spread within a group. `None` draws bands for up to four experts,
            because more bands would hide each other.
        cmap : str or matplotlib Colormap, default="viridis"
            The colour map of the heat maps over samples.
        ax : array-like of matplotlib Axes of length n_tasks, default=None
            The axes to draw on. `None` creates a new figure.

        Returns
        -------
        GateCurvesDisplay
            The display.

        Raises
        ------
        ValueError
            If the estimator does not have gates, or the feature does not exist or has no values.
        ImportError
            If matplotlib is not installed.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        final, weights = gates_of(estimator, X, level=level)
        if feature is None:
            return cls(weights, task_names=final.task_names_).plot(cmap=cmap, ax=ax)
        check_scalar(n_bins, "n_bins", Integral, min_val=2)
        values, name = _get_column(estimator, X, feature)
        codes, positions = _group(values, n_bins)
        if len(positions) == 0:
            raise ValueError(f"the feature {name!r} has no known and finite value in X.")
        groups = [weights[codes == code] for code in range(len(positions))]
        display = cls(
            [group.mean(axis=0) for group in groups],
            positions=positions,
            bounds=np.stack([np.quantile(group, _BAND, axis=0) for group in groups], axis=1),
            task_names=final.task_names_,
            feature_name=name,
        )
        return display.plot(band=band, cmap=cmap, ax=ax)

    def plot(
        self, *, band: bool | None = None, cmap: Any = "viridis", ax: Any = None
    ) -> GateCurvesDisplay:
        """Draw the weights with one panel per task.

        Parameters
        ----------
        band : bool, default=None
            Whether to draw the spread within a group. `None` draws bands for up to four experts,
            because more bands would hide each other.
        cmap : str or matplotlib Colormap, default="viridis"
            The colour map of the heat maps over samples.
        ax : array-like of matplotlib Axes of length n_tasks, default=None
            The axes to draw on. `None` creates a new figure.

        Returns
        -------
        GateCurvesDisplay
            The display itself.

        Raises
        ------
        ValueError
            If the number of axes is not the number of tasks.
        ImportError
            If matplotlib is not installed.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        self.lines_ = self.bands_ = self.im_ = None
        if self.positions is None:
            self._plot_samples(cmap, ax)
        else:
            self._plot_feature(band, ax)
        for panel, name in zip(self.axes_, self.task_names, strict=True):
            panel.set_title(name, fontsize=12 * min(1, _LONG_TITLE / max(1, len(name))))
        self.figure_ = self.axes_[0].figure
        return self

    def _plot_samples(self, cmap: Any, ax: Any) -> None:
        """Draw a heat map of experts and sorted samples for each task."""
        n_experts = self.weights.shape[2]
        self.axes_ = make_panels(
            ax, len(self.task_names), width=3.4, height=1.4 + 0.22 * n_experts, sharey=True
        )
        self.im_ = []
        for task, panel in enumerate(self.axes_):
            weights = self.weights[:, task]
            leader = weights.argmax(axis=1)
            order = np.lexsort((-weights.max(axis=1), leader))
            columns = np.array_split(weights[order], min(len(weights), _MAX_COLUMNS))
            image = panel.imshow(
                np.transpose([column.mean(axis=0) for column in columns]),
                extent=(0, len(weights), n_experts - 0.5, -0.5),
                cmap=cmap,
                vmin=0,
                vmax=self.weights.max(),
                aspect="auto",
                interpolation="nearest",
            )
            panel.set(xlabel="samples, sorted", yticks=range(n_experts))
            panel.xaxis.get_major_locator().set_params(prune="upper")
            self.im_.append(image)
        self.axes_[0].set_ylabel("expert")
        self.axes_[0].figure.colorbar(self.im_[0], ax=list(self.axes_), label="gate weight")

    def _plot_feature(self, band: bool | None, ax: Any) -> None:
        """Draw a curve for each task and expert, or points over categories."""
        n_points, n_tasks, n_experts = self.weights.shape
        is_numeric = self.positions.dtype.kind in "iuf"
        if band is None:
            band = n_experts <= _MAX_BANDS or not is_numeric
        band = band and self.bounds is not None
        height = 2.8 if is_numeric else 1 + n_points * (0.2 + 0.07 * n_experts)
        self.axes_ = make_panels(ax, n_tasks, width=3.4, height=height, sharey=True)
        self.lines_ = np.empty((n_tasks, n_experts), dtype=object)
        self.bands_ = self.lines_.copy() if band else None
        for task, expert in np.ndindex(n_tasks, n_experts):
            panel, style = self.axes_[task], _style(expert)
            weights = self.weights[:, task, expert]
            bounds = self.bounds[:, :, task, expert] if band else ()
            if is_numeric:
                lines = panel.plot(self.positions, weights, **style)
                if band:
                    self.bands_[task, expert] = panel.fill_between(
                        self.positions, *bounds, color=style["color"], alpha=0.15, linewidth=0
                    )
            else:
                at = np.arange(n_points) + _DODGE * ((expert + 0.5) / n_experts - 0.5)
                lines = panel.plot(weights, at, **style | {"linestyle": ""})
                if band:
                    self.bands_[task, expert] = panel.hlines(
                        at, *bounds, color=style["color"], linewidth=1, zorder=1
                    )
            self.lines_[task, expert] = lines[0]
        limits = (0, 1.05 * max(self.weights.max(), self.bounds.max() if band else 0))
        for panel in self.axes_:
            if is_numeric:
                panel.set(xlabel=self.feature_name, ylim=limits)
            else:
                panel.set(xlabel="gate weight", xlim=limits, ylim=(n_points - 0.5, -0.5))
                panel.set_yticks(range(n_points), labels=self.positions)
                panel.hlines(np.arange(1, n_points) - 0.5, *limits, color="0.9", zorder=0)
        self.axes_[0].set_ylabel("gate weight" if is_numeric else self.feature_name)
        legend = {"title": "expert", "handlelength": 3.5 if is_numeric else 1}
        if ax is None:
            figure = self.axes_[0].figure
            figure.legend(handles=list(self.lines_[0]), loc="outside right upper", **legend)
        else:
            self.axes_[0].legend(**legend)


def _style(expert: int) -> dict[str, Any]:
    """Return the style of an expert's curve. The first 32 can be told apart without colours."""
    return {
        "color": f"C{expert % 10}",
        # When all markers are used, they are repeated with another line style.
        "linestyle": _LINES[(expert + expert // len(_MARKERS)) % len(_LINES)],
        "marker": _MARKERS[expert % len(_MARKERS)],
        "markersize": 5,
        "markerfacecolor": "white" if expert % 2 else None,
        "label": str(expert),
    }


def _get_column(estimator: Any, X: Any, feature: str | int) -> tuple[pd.Series, str]:
    """Return a column of X, given by its name or index, and its name."""
    if not hasattr(X, "shape"):
        X = np.asarray(X)
    names = getattr(X, "columns", getattr(estimator, "feature_names_in_", None))
    names = None if names is None else [str(name) for name in names]
    n_features = X.shape[1]
    if names is not None and feature in names:
        index = names.index(feature)
    elif isinstance(feature, Integral) and 0 <= feature < n_features:
        index = int(feature)
    else:
        known = "X has no column names" if names is None else f"the columns of X are {names}"
        raise ValueError(
            f"feature must be the name of a column of X or an index below {n_features}, got "
            f"{feature!r}; {known}."
        )
    column = _safe_indexing(X, [index] if sparse.issparse(X) else index, axis=1)
    if sparse.issparse(column):
        column = column.toarray().ravel()
    if not isinstance(column, pd.Series):
        column = pd.Series(np.asarray(column))
    return column.infer_objects(), f"feature {index}" if names is None else names[index]


def _group(values: pd.Series, n_bins: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the group of each sample (-1 without a value) and the position of each group."""
    is_numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    if is_numeric:
        values = values.to_numpy(dtype=np.float64, na_value=np.nan)
        known = np.isfinite(values)
    else:
        known = values.notna().to_numpy()
    codes = np.full(len(values), -1)
    group = _cut if is_numeric else _gather
    codes[known], positions = group(values[known], n_bins)
    return codes, positions


def _cut(values: np.ndarray, n_bins: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the bin of each number, and the medians of the bins in increasing order."""
    distinct, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    if len(distinct) <= n_bins:
        return codes, distinct
    heavy = counts >= len(values) / n_bins
    alone = heavy[codes]
    n_cuts = n_bins - heavy.sum()
    cuts = np.union1d(np.quantile(values[~alone], np.arange(1, n_cuts) / n_cuts), distinct[heavy])
    bins = np.where(alone, -1 - codes, np.searchsorted(cuts, values))
    medians = pd.Series(values).groupby(bins).median().sort_values()
    return medians.index.get_indexer(bins), medians.to_numpy()


def _gather(values: pd.Series, n_bins: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the category of each value and the names of the categories. Rare ones are merged."""
    if not isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(str)
    codes, names = pd.factorize(values, sort=True)
    names = np.asarray(names).astype(str)
    if len(names) <= n_bins:
        return codes, names
    common = np.sort(np.argsort(-np.bincount(codes), kind="stable")[: n_bins - 1])
    place = np.full(len(names), n_bins - 1)
    place[common] = np.arange(n_bins - 1)
    return place[codes], np.append(names[common], "(other)")
