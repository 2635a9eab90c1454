"""How much the experts are used, and how evenly."""

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

# Of the even share of an expert: one with less is dead.
_DEAD_SHARE = 0.1


class ExpertUseDisplay:
    """Which experts the tasks use, and how evenly.

    The map shows the mean weight that each task gives to each expert. A hatched column is a dead
    expert, which no task listens to; a row marked "collapsed" is a task that has settled on one
    expert for all samples. A cell "n/a" is an expert of another task, out of reach.

    Beside it is the entropy of the gates, 0 for one expert and 1 for an even mixture, in two ways.
    The dot is the mean over the gates of single samples; the square belongs to the mean of these
    gates and is never to its left. Both near 1: the task mixes all experts on every sample. A dot
    far to the left of its square: the gate picks, other experts for other samples. Both near 0: the
    task has collapsed.

    Make it by :meth:`from_estimator`.

    Parameters
    ----------
    use : array-like of shape (n_tasks, n_experts)
        The mean weight that each task gives to each expert.
    sample_entropy : array-like of shape (n_tasks,)
        The mean entropy of the gates of single samples, in units of the logarithm of the number of
        experts in the task's reach. NaN for a task with a single one.
    task_names : sequence of str
        The names of the tasks.
    reachable : array-like of bool of shape (n_tasks, n_experts), default=None
        Which experts each task can reach. `None` means all.
    dead_below : float, default=None
        An expert is dead if every task gives it a smaller mean weight. `None` means a tenth of an
        even share, ``0.1 / n_experts``.

    Attributes
    ----------
    use : ndarray of shape (n_tasks, n_experts)
        The mean weights.
    sample_entropy : ndarray of shape (n_tasks,)
        The mean entropy of the gates of single samples, in [0, 1].
    mean_entropy : ndarray of shape (n_tasks,)
        The entropy of the mean gate, in [0, 1], in the same units. NaN for a task with a single
        expert in its reach.
    task_names : list of str
        The names of the tasks.
    reachable : ndarray of bool of shape (n_tasks, n_experts)
        Which experts each task can reach.
    dead_below : float
        The weight below which an expert is dead.
    dead_experts : ndarray of shape (n_dead_experts,), int
        The experts to which every task gives less.
    collapsed_tasks : list of str
        The tasks that give a single expert 0.99 or more of their mean weight though they have
        others in their reach.
    axes_ : ndarray of shape (2,) of matplotlib Axes
        The axes of the map and of the entropies, once drawn.
    figure_ : matplotlib Figure
        The figure, once drawn.
    im_ : matplotlib AxesImage
        The map, once drawn.
    text_ : ndarray of shape (n_tasks, n_experts) of matplotlib Text, or None
        The numbers in the cells, once drawn.
    sample_points_, mean_points_ : matplotlib Line2D
        The dots and squares, once drawn.
    dead_marks_ : list of matplotlib Rectangle
        The hatches over dead experts, once drawn.

    Raises
    ------
    ValueError
        If the shapes do not fit, or a name for each task is missing.

    See Also
    --------
    GateWeightsDisplay : The mean weights alone.
    GateCurvesDisplay : Where the gates give which weights.

    Notes
    -----
    Gates do not see what experts put out: an expert whose output is always zero, since its units
    have died, can have a large weight, and is not called dead here. In a level below the last, the
    shared experts of PLE have listeners beside the tasks, which do not count here.

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
                "use must hold weights that are not negative and sum to one in each row, got rows "
                f"with the sums {self.use.sum(axis=1)}."
            )
        self.task_names = check_task_names(task_names, n_tasks)
        self.sample_entropy = np.asarray(sample_entropy, dtype=np.float64)
        if self.sample_entropy.shape != (n_tasks,):
            raise ValueError(
                f"sample_entropy must have shape ({n_tasks},), a number for each task of use, got "
                f"{self.sample_entropy.shape}."
            )
        self.reachable = np.ones_like(self.use, dtype=bool)
        if reachable is not None:
            self.reachable = np.asarray(reachable, dtype=bool)
        if self.reachable.shape != self.use.shape:
            raise ValueError(
                f"reachable must have the shape {self.use.shape} of use, got "
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
        """Measure the use of the experts of a fitted estimator on a table, and draw it.

        Parameters
        ----------
        estimator : estimator
            A fitted estimator with gates (MMoE, OMoE, PLE), or a pipeline that ends in one.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples in the means.
        level : int, default=-1
            The level of mixture, where there are several: 0 is the first, -1 the last.
        dead_below : float, default=None
            An expert is dead if every task gives it a smaller mean weight. `None` means a tenth of
            an even share, ``0.1 / n_experts``.
        include_values : bool, default=True
            Whether to write the weights into the cells. Without them there is a bar of colours.
        cmap : str or matplotlib Colormap, default="viridis"
            The colours.
        ax : array-like of matplotlib Axes of length 2, default=None
            Where to draw the map and the entropies. `None` makes a new figure.

        Returns
        -------
        ExpertUseDisplay
            The display.

        Raises
        ------
        ValueError
            If the estimator has no gates.
        ImportError
            If matplotlib is not installed.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        estimator, weights = gates_of(estimator, X, level=level)
        use = np.average(weights, axis=0, weights=sample_weight)
        reachable = estimator.net_.network.reachable_experts().numpy()
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
        """Draw the map and the entropies side by side.

        Parameters
        ----------
        include_values : bool, default=True
            Whether to write the weights into the cells. Without them there is a bar of colours.
        cmap : str or matplotlib Colormap, default="viridis"
            The colours.
        ax : array-like of matplotlib Axes of length 2, default=None
            Where to draw the map and the entropies. `None` makes a new figure.

        Returns
        -------
        ExpertUseDisplay
            The display itself.

        Raises
        ------
        ValueError
            If there are more or fewer than two axes.
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
        # Beside them are the names of the tasks and a legend.
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
        """Draw the map, with hatches over dead experts."""
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
        """Draw both entropies of each task, joined by a line."""
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
    """Return the entropy of gates, in units of the logarithm of the number of reachable experts."""
    even = np.log(reachable.sum(axis=-1))
    # Weights in float32 do not sum to one exactly.
    return np.clip(entr(weights).sum(axis=-1) / np.where(even > 0, even, np.nan), 0, 1)
