"""The mean gate weights of each task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_array
from sklearn.utils._optional_dependencies import check_matplotlib_support

from sk_mmoe.inspection._drawing import check_task_names, draw_map, gates_of, make_panels


class GateWeightsDisplay:
    """Heat map of the mean gate weights, with tasks in rows and experts in columns.

    Use it to see which tasks share experts. Tasks with high weights on the same experts share them.
    A task with a cell near 1 uses a single expert. A column near 0 is an expert that no task uses.
    The numbers are those of figure 6 of the paper [1]_.

    The weights are means over samples. A row can look even although the gate picks a different
    expert for each sample. :class:`ExpertUseDisplay` tells the two cases apart.

    Create it with :meth:`from_estimator`.

    Read more in the :doc:`User Guide </user_guide/models>`.

    Parameters
    ----------
    mean_weights : array-like of shape (n_tasks, n_experts)
        The mean weight that each task gives to each expert.
    task_names : sequence of str
        The names of the tasks.

    Attributes
    ----------
    mean_weights : ndarray of shape (n_tasks, n_experts)
        The mean weights.
    task_names : list of str
        The names of the tasks.
    ax_ : matplotlib Axes
        The axes. Defined after drawing, like the following attributes.
    figure_ : matplotlib Figure
        The figure.
    im_ : matplotlib AxesImage
        The heat map.
    text_ : ndarray of shape (n_tasks, n_experts) of matplotlib Text, or None
        The numbers in the cells.

    Raises
    ------
    ValueError
        If the weights do not have two dimensions, or there is not one name per task.

    See Also
    --------
    ExpertUseDisplay : How evenly the tasks use the experts.
    GateCurvesDisplay : How the gate weights depend on a feature.

    References
    ----------
    .. [1] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
       Mixture-of-Experts", KDD 2018, section 6.4, figure 6.

    Examples
    --------
    >>> from sk_mmoe import MMoERegressor
    >>> from sk_mmoe.datasets import make_multitask_sinusoid
    >>> from sk_mmoe.inspection import GateWeightsDisplay
    >>> X, y = make_multitask_sinusoid(500, n_features=10, random_state=0)
    >>> model = MMoERegressor(n_experts=4, max_iter=5, random_state=0).fit(X, y)
    >>> display = GateWeightsDisplay.from_estimator(model, X)
    >>> display.mean_weights.shape
    (2, 4)
    """

    def __init__(self, mean_weights: ArrayLike, *, task_names: Sequence[str]) -> None:
        self.mean_weights = check_array(mean_weights, input_name="mean_weights")
        self.task_names = check_task_names(task_names, len(self.mean_weights))

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        sample_weight: ArrayLike | None = None,
        level: int = -1,
        include_values: bool = True,
        cmap: Any = "viridis",
        ax: Any = None,
    ) -> GateWeightsDisplay:
        """Compute the mean gate weights of a fitted estimator and draw them.

        Parameters
        ----------
        estimator : estimator
            A fitted estimator with gates (MMoE, OMoE, PLE), or a pipeline that ends in one.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples in the mean. `None` weights them equally.
        level : int, default=-1
            The level of mixture, if there are several. 0 is the first level, -1 the last.
        include_values : bool, default=True
            Whether to write the weights into the cells.
        cmap : str or matplotlib Colormap, default="viridis"
            The colour map.
        ax : matplotlib Axes, default=None
            The axes to draw on. `None` creates a new figure.

        Returns
        -------
        GateWeightsDisplay
            The display.

        Raises
        ------
        ValueError
            If the estimator does not have gates.
        ImportError
            If matplotlib is not installed.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        estimator, weights = gates_of(estimator, X, level=level)
        weights = np.average(weights, axis=0, weights=sample_weight)
        display = cls(weights, task_names=estimator.task_names_)
        return display.plot(include_values=include_values, cmap=cmap, ax=ax)

    def plot(
        self, *, include_values: bool = True, cmap: Any = "viridis", ax: Any = None
    ) -> GateWeightsDisplay:
        """Draw the heat map.

        Parameters
        ----------
        include_values : bool, default=True
            Whether to write the weights into the cells.
        cmap : str or matplotlib Colormap, default="viridis"
            The colour map.
        ax : matplotlib Axes, default=None
            The axes to draw on. `None` creates a new figure.

        Returns
        -------
        GateWeightsDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        n_tasks, n_experts = self.mean_weights.shape
        (ax,) = make_panels(ax, 1, width=1.5 + 0.7 * n_experts, height=1.2 + 0.6 * n_tasks)
        self.im_, self.text_ = draw_map(
            ax,
            self.mean_weights,
            rows=self.task_names,
            columns=[str(expert) for expert in range(n_experts)],
            cmap=cmap,
            vmin=0,
            include_values=include_values,
        )
        ax.figure.colorbar(self.im_, ax=ax, label="mean gate weight")
        ax.set(xlabel="expert", ylabel="task")
        self.ax_, self.figure_ = ax, ax.figure
        return self
