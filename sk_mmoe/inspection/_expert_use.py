"""How much and how evenly the tasks use the experts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import entr
from sklearn.utils import check_array
from sklearn.utils._optional_dependencies import check_matplotlib_support

from sk_mmoe.estimators._polarised_gates import POLARISED
from sk_mmoe.inspection._drawing import check_task_names, draw_map, gates_of, make_panels

# An expert with less than this part of an even share counts as dead.
_DEAD_SHARE = 0.1


class ExpertUseDisplay:
    """Heat map of the mean gate weights, and the entropy of the gates.

    Use it to find experts that no task uses and tasks that use a single expert.

    The heat map shows the mean weight that each task gives to each expert. A hatched column is a
    dead expert, which gets almost no weight from any task. A row marked "collapsed" is a task that
    gives nearly all weight to one expert. A cell "n/a" is an expert of another task (in PLE).

    The panel on the right shows the entropy of the gates. It is 0 for a single expert and 1 for an
    even mixture. The dot is the mean entropy of the gates of single samples. The square is the
    entropy of the mean gate, which is never smaller.

    ==============================  ============================================================
    What you see                    What it means
    ==============================  ============================================================
    dot and square near 1           The task mixes all experts for every sample.
    dot far to the left of square   The gate picks different experts for different samples.
    dot and square near 0           The task has collapsed to one expert. Try `gate_dropout`.
    ==============================  ============================================================

    Create it with :meth:`from_estimator`.

    Read more in the :doc:`User Guide </user_guide/models>`.

    Parameters
    ----------
    use : array-like of shape (n_tasks, n_experts)
        The mean weight that each task gives to each expert.
    sample_entropy : array-like of shape (n_tasks,)
        The mean entropy of the gates of single samples, divided by the logarithm of the number of
        experts that the task can reach. NaN for a task that can reach only one expert.
    task_names : sequence of str
        The names of the tasks.
    reachable : array-like of bool of shape (n_tasks, n_experts), default=None
        Whether a task can reach an expert. `None` means that all tasks reach all experts.
    dead_below : float, default=None
        An expert is dead if the mean weight of every task is smaller than this. `None` means a
        tenth of an even share, ``0.1 / n_experts``.

    Attributes
    ----------
    use : ndarray of shape (n_tasks, n_experts)
        The mean weights.
    sample_entropy : ndarray of shape (n_tasks,)
        The mean entropy of the gates of single samples, from 0 to 1.
    mean_entropy : ndarray of shape (n_tasks,)
        The entropy of the mean gate in the same units, from 0 to 1. NaN for a task that can reach
        only one expert.
    task_names : list of str
        The names of the tasks.
    reachable : ndarray of bool of shape (n_tasks, n_experts)
        Whether a task can reach an expert.
    dead_below : float
        The weight below which an expert is dead.
    dead_experts : ndarray of shape (n_dead_experts,), int
        The indices of the dead experts.
    collapsed_tasks : list of str
        The tasks that give 0.99 or more of their mean weight to one expert although they can reach
        others.
    axes_ : ndarray of shape (2,) of matplotlib Axes
        The axes of the heat map and of the entropies. Defined after drawing, like the following
        attributes.
    figure_ : matplotlib Figure
        The figure.
    im_ : matplotlib AxesImage
        The heat map.
    text_ : ndarray of shape (n_tasks, n_experts) of matplotlib Text, or None
        The numbers in the cells.
    sample_points_, mean_points_ : matplotlib Line2D
        The dots and the squares.
    dead_marks_ : list of matplotlib Rectangle
        The hatches over dead experts.

    Raises
    ------
    ValueError
        If shapes do not match, or there is not one name per task.

    See Also
    --------
    GateWeightsDisplay : The heat map alone.
    GateCurvesDisplay : How the gate weights depend on a feature.

    Notes
    -----
    A gate does not see the output of an expert. An expert whose units always return zero can have a
    large weight, and does not count as dead here.

    In PLE, the shared experts of every level but the last are also used by gates that belong to no
    task. Those gates do not count here.

    Examples
    --------
    >>> from sk_mmoe import MMoERegressor
    >>> from sk_mmoe.datasets import make_multitask_sinusoid
    >>> from sk_mmoe.inspection import ExpertUseDisplay
    >>> X, y = make_multitask_sinusoid(500, n_features=10, random_state=0)
    >>> model = MMoERegressor(n_experts=4, max_iter=5, random_state=0).fit(X, y)
    >>> display = ExpertUseDisplay.from_estimator(model, X)
    >>> display.use.shape
    (2, 4)
    >>> display.collapsed_tasks
    []
    """

    def __init__(
        self,
        use: ArrayLike,
        *,
        sample_entropy: ArrayLike,
        task_names: Sequence[str],
        reachable: ArrayLike | None = None,
        dead_below: float | None = None,
    ) -> None:
        self.use = check_array(use, dtype=np.float64, input_name="use")
        n_tasks, n_experts = self.use.shape
        if (self.use < 0).any() or not np.allclose(self.use.sum(axis=1), 1, atol=1e-3):
            raise ValueError(
                "use must contain nonnegative weights that sum to one in each row, got rows with "
                f"the sums {self.use.sum(axis=1)}."
            )
        self.task_names = check_task_names(task_names, n_tasks)
        self.sample_entropy = np.asarray(sample_entropy, dtype=np.float64)
        if self.sample_entropy.shape != (n_tasks,):
            raise ValueError(
                f"sample_entropy must have shape ({n_tasks},), one number for each task, got "
                f"{self.sample_entropy.shape}."
            )
        self.reachable = np.ones_like(self.use, dtype=bool)
        if reachable is not None:
            self.reachable = np.asarray(reachable, dtype=bool)
        if self.reachable.shape != self.use.shape:
            raise ValueError(
                f"reachable must have the shape of use, {self.use.shape}, got "
                f"{self.reachable.shape}."
            )
        self.mean_entropy = _entropy(self.use, self.reachable)
        self.dead_below = _DEAD_SHARE / n_experts if dead_below is None else dead_below
        self.dead_experts = np.flatnonzero(self.use.max(axis=0) < self.dead_below)
        # An expert that is the only one of a task is no choice of its gate.
        collapsed = (self.use.max(axis=1) >= POLARISED) & (self.reachable.sum(axis=1) > 1)
        self.collapsed_tasks = [self.task_names[k] for k in np.flatnonzero(collapsed)]

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        sample_weight: ArrayLike | None = None,
        level: int = -1,
        dead_below: float | None = None,
        include_values: bool = True,
        cmap: Any = "viridis",
        ax: Any = None,
    ) -> ExpertUseDisplay:
        """Compute the use of the experts of a fitted estimator and draw it.

        Parameters
        ----------
        estimator : estimator
            A fitted estimator with gates (MMoE, OMoE, PLE), or a pipeline that ends in one.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples in the means. `None` weights them equally.
        level : int, default=-1
            The level of mixture, if there are several. 0 is the first level, -1 the last.
        dead_below : float, default=None
            An expert is dead if the mean weight of every task is smaller than this. `None` means a
            tenth of an even share, ``0.1 / n_experts``.
        include_values : bool, default=True
            Whether to write the weights into the cells. If False, a colour bar is drawn instead.
        cmap : str or matplotlib Colormap, default="viridis"
            The colour map.
        ax : array-like of matplotlib Axes of length 2, default=None
            The axes for the heat map and for the entropies. `None` creates a new figure.

        Returns
        -------
        ExpertUseDisplay
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
        use = np.average(weights, axis=0, weights=sample_weight)
        reachable = estimator.net_.network.reachable_experts().cpu().numpy()
        entropy = np.average(_entropy(weights, reachable), axis=0, weights=sample_weight)
        display = cls(
            use,
            sample_entropy=entropy,
            task_names=estimator.task_names_,
            reachable=reachable,
            dead_below=dead_below,
        )
        return display.plot(include_values=include_values, cmap=cmap, ax=ax)

    def plot(
        self, *, include_values: bool = True, cmap: Any = "viridis", ax: Any = None
    ) -> ExpertUseDisplay:
        """Draw the heat map and the entropies.

        Parameters
        ----------
        include_values : bool, default=True
            Whether to write the weights into the cells. If False, a colour bar is drawn instead.
        cmap : str or matplotlib Colormap, default="viridis"
            The colour map.
        ax : array-like of matplotlib Axes of length 2, default=None
            The axes for the heat map and for the entropies. `None` creates a new figure.

        Returns
        -------
        ExpertUseDisplay
            The display itself.

        Raises
        ------
        ValueError
            If there are not exactly two axes.
        ImportError
            If matplotlib is not installed.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        n_tasks, n_experts = self.use.shape
        rows = [
            f"{name}\n(collapsed)" if name in self.collapsed_tasks else name
            for name in self.task_names
        ]
        widths = (max(2.4, 0.55 * n_experts), 2.4)
        # The names of the tasks and a legend need space outside the panels.
        room = 0.08 * max(map(len, rows)) + 1.4
        axes = make_panels(
            ax,
            2,
            width=(sum(widths) + room) / 2,
            height=1.5 + 0.55 * n_tasks,
            gridspec_kw={"width_ratios": widths},
        )
        self._draw_use(axes[0], rows, include_values=include_values, cmap=cmap)
        self._draw_entropy(axes[1])
        self.axes_, self.figure_ = axes, axes[0].figure
        return self

    def _draw_use(self, ax: Any, rows: list[str], *, include_values: bool, cmap: Any) -> None:
        """Draw the heat map with hatches over dead experts."""
        from matplotlib.patches import Rectangle

        n_tasks, n_experts = self.use.shape
        self.im_, self.text_ = draw_map(
            ax,
            np.where(self.reachable, self.use, np.nan),
            rows=rows,
            columns=[
                f"{expert}\ndead" if expert in self.dead_experts else str(expert)
                for expert in range(n_experts)
            ],
            cmap=cmap,
            vmin=0,
            include_values=include_values,
        )
        self.dead_marks_ = [
            ax.add_patch(
                Rectangle(
                    (expert - 0.5, -0.5), 1, n_tasks, hatch="//", facecolor="none", edgecolor="0.6"
                )
            )
            for expert in self.dead_experts
        ]
        for label, name in zip(ax.get_yticklabels(), self.task_names, strict=True):
            label.set_fontweight("bold" if name in self.collapsed_tasks else None)
        ax.set(title="mean gate weight", xlabel="expert")
        if not include_values:
            ax.figure.colorbar(self.im_, ax=ax)

    def _draw_entropy(self, ax: Any) -> None:
        """Draw the two entropies of each task, joined by a line."""
        n_tasks = len(self.use)
        places = np.arange(n_tasks)
        ax.hlines(places, self.sample_entropy, self.mean_entropy, color="0.6", zorder=1)
        (self.mean_points_,) = ax.plot(
            self.mean_entropy, places, "s", color="C0", markerfacecolor="white", label="mean gate"
        )
        (self.sample_points_,) = ax.plot(
            self.sample_entropy, places, "o", color="black", markersize=5, label="single samples"
        )
        ax.set(
            title="entropy of gates",
            xlim=(-0.05, 1.05),
            xticks=[0, 0.5, 1],
            xticklabels=["0\none expert", "0.5", "1\neven"],
            ylim=(n_tasks - 0.5, -0.5),
            yticks=places,
            yticklabels=[],
        )
        ax.grid(axis="y", color="0.9")
        ax.legend(loc="center left", bbox_to_anchor=(1.02, 0.5))
        for place in np.flatnonzero(np.isnan(self.mean_entropy)):
            ax.text(0.5, place, "a single expert", ha="center", va="bottom")


def _entropy(weights: np.ndarray, reachable: np.ndarray) -> np.ndarray:
    """Return the entropy of gates, divided by the logarithm of the number of reachable experts."""
    even = np.log(reachable.sum(axis=-1))
    # float32 weights do not sum to exactly one.
    return np.clip(entr(weights).sum(axis=-1) / np.where(even > 0, even, np.nan), 0, 1)
