"""What a notebook shows of a fitted estimator, below scikit-learn's diagram."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

from sk_mmoe.estimators._attributes import FittedAttributes
from sk_mmoe.estimators._sklearn import BaseEstimator

# So many tasks are listed; a notebook is no place for more.
_MOST_TASKS = 50


class NotebookSummary(FittedAttributes, BaseEstimator):
    """Mix-in that adds a table of the tasks to scikit-learn's diagram."""

    @property
    def _repr_html_(self) -> Callable[[], str]:
        """What shows the estimator in HTML; absent if scikit-learn's `display` is "text"."""
        diagram: Callable[[], str] = super()._repr_html_
        return lambda: diagram() + self._summary()

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        """Return the representations that Jupyter chooses from."""
        bundle: dict[str, str] = super()._repr_mimebundle_(**kwargs)
        if "text/html" in bundle:
            bundle["text/html"] += self._summary()
        return bundle

    def _summary(self) -> str:
        """Return the sizes, and the tasks with their last losses; nothing before `fit`."""
        if not self.__sklearn_is_fitted__():
            return ""
        losses = {"Training loss": self.task_loss_curve_}
        if self.validation_task_loss_curve_ is not None:
            losses["Validation loss"] = self.validation_task_loss_curve_
        rows = []
        for k, (name, kind) in enumerate(zip(self.task_names_, self.task_kinds_, strict=True)):
            classes = self.model_.tasks.classes[k]
            cells = [name, kind, "" if classes is None else str(len(classes))]
            cells += [f"{curve[-1, k]:.4g}" if len(curve) else "" for curve in losses.values()]
            rows.append(cells)
        shown = rows[:_MOST_TASKS]
        if len(rows) > len(shown):
            shown.append([f"and {len(rows) - len(shown)} more", *[""] * (len(rows[0]) - 1)])
        titles = ["Task", "Kind", "Classes", *losses]
        head = "".join(f'<th scope="col">{title}</th>' for title in titles)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
            for cells in shown
        )
        return (
            f'<table class="sk-mmoe-tasks"><caption>{self._sizes()}. Losses of the last epoch.'
            f"</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )

    def _sizes(self) -> str:
        """Return the numbers of features, tasks, networks, weights and epochs in words."""
        counts = [
            (self.n_features_in_, "feature"),
            (self.n_tasks_, "task"),
            (self.n_members_, "network"),
            (self.n_weights_, "weight"),
            (self.n_iter_, "epoch"),
        ]
        return ", ".join(f"{n:,} {word}{'' if n == 1 else 's'}" for n, word in counts)
