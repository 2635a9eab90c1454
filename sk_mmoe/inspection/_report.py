"""A report of a fitted model on a test table."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import partial
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils._param_validation import HasMethods, Interval, validate_params

import sk_mmoe
from sk_mmoe.inspection._calibration_curves import CalibrationCurvesDisplay
from sk_mmoe.inspection._confusion_matrices import ConfusionMatricesDisplay
from sk_mmoe.inspection._drawing import last_step
from sk_mmoe.inspection._expert_use import ExpertUseDisplay
from sk_mmoe.inspection._intervals import bootstrap_interval
from sk_mmoe.inspection._loss_curves import LossCurvesDisplay
from sk_mmoe.inspection._precision_recall_curves import PrecisionRecallCurvesDisplay
from sk_mmoe.inspection._prediction_errors import PredictionErrorsDisplay
from sk_mmoe.inspection._relatedness import TaskRelatednessDisplay
from sk_mmoe.inspection._report_html import Section, picture, table, write_page
from sk_mmoe.inspection._roc_curves import RocCurvesDisplay
from sk_mmoe.inspection._sharing_fits import n_parameters
from sk_mmoe.inspection._stitches import StitchDisplay
from sk_mmoe.inspection._task_panels import TaskPanelsDisplay
from sk_mmoe.metrics import multitask_scoring
from sk_mmoe.metrics._views import TasksView

_SCORES = {
    "binary": ["roc_auc", "average_precision", "d2_log_loss_score"],
    "multiclass": ["accuracy", "d2_log_loss_score"],
    "ordinal": ["quadratic_kappa_score", "neg_ranked_probability_score"],
    "regression": ["r2", "neg_mean_absolute_error"],
    "count": ["d2_poisson_score", "neg_mean_absolute_error"],
}

_CURVES: dict[Any, tuple[str, str]] = {
    RocCurvesDisplay: (
        "ROC curves",
        "How well each task ranks its rows. A random order gives the diagonal.",
    ),
    PrecisionRecallCurvesDisplay: (
        "Precision and recall",
        "The share of positive rows among those above a threshold, over the share of all positive "
        "rows that are found. Dotted: a random order.",
    ),
    CalibrationCurvesDisplay: (
        "Calibration",
        "Whether predicted probabilities are right. Perfect ones lie on the diagonal.",
    ),
    ConfusionMatricesDisplay: (
        "Confusion",
        "True classes in rows, predicted classes in columns, as shares of the true class.",
    ),
    PredictionErrorsDisplay: (
        "Residuals",
        "True minus predicted numbers. Look for errors that grow with the prediction.",
    ),
}


@validate_params(  # type: ignore[untyped-decorator]
    {
        "estimator": [HasMethods("predict")],
        "path": [str, os.PathLike, None],
        "scoring": [str, list, dict, None],
        "title": [str, None],
        "confidence_level": [Interval(Real, 0, 1, closed="neither")],
        "n_resamples": [Interval(Integral, 2, None, closed="left")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=False,
)
def html_report(
    estimator: Any,
    X: Any,
    y: Any,
    path: Any = None,
    *,
    sample_weight: Any = None,
    scoring: Any = None,
    title: str | None = None,
    confidence_level: float = 0.95,
    n_resamples: int = 200,
    random_state: Any = 0,
) -> str:
    """Write a report of a fitted model on a test table as a single HTML file.

    Use it to hand a model to somebody who does not run Python. It has the scores of all tasks with
    intervals, curves and errors, the gates and the experts, the relatedness of the tasks, the
    losses in training, and the parameters. Pictures are stored in the file, which loads nothing
    from elsewhere.

    Read more in the :doc:`User Guide </user_guide/evaluation>`.

    Parameters
    ----------
    estimator : estimator
        A fitted estimator of this package, or a pipeline that ends in one.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The inputs of the test table, which the estimator was not fitted to.
    y : array-like of shape (n_samples,) or (n_samples, n_tasks)
        The true targets. Missing labels are left out.
    path : str or path-like, default=None
        The file to write. `None` writes no file.
    sample_weight : array-like of shape (n_samples,) or (n_samples, n_tasks), default=None
        Weights of the samples, or of single labels, in scores and in curves that take weights.
    scoring : str, list of str or dict, default=None
        The scores to report, as for :func:`~sk_mmoe.metrics.multitask_scoring`. `None` takes two or
        three that suit the kind of each task.
    title : str, default=None
        The heading. `None` is the name of the estimator's class.
    confidence_level : float, default=0.95
        The confidence level of the intervals of scores.
    n_resamples : int, default=200
        Number of bootstrap resamples of the test rows behind the intervals. Lower it if the table
        is large, raise it for smoother ends.
    random_state : int, RandomState instance or None, default=0
        Determines the resamples and which rows are drawn.

    Returns
    -------
    str
        The HTML.

    Raises
    ------
    ValueError
        If the last step is no estimator of this package, or y does not have its tasks.
    ImportError
        If matplotlib is not installed.

    Notes
    -----
    The intervals are percentiles of the bootstrap over test rows. They say how far the scores of
    this model depend on the rows it is tested on. They do not include the spread over fits with
    other seeds or other training rows; :func:`compare_task_sharing` looks at those.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.datasets import make_classification
    >>> from sk_mmoe import MMoEClassifier
    >>> from sk_mmoe.inspection import html_report
    >>> X, click = make_classification(300, random_state=0)
    >>> y = pd.DataFrame({"click": click, "like": click * (X[:, 0] > 0)})
    >>> model = MMoEClassifier(max_iter=5, random_state=0).fit(X[:200], y[:200])
    >>> html = html_report(model, X[200:], y[200:], n_resamples=10)
    >>> html.startswith("<!DOCTYPE html>")
    True
    """
    check_matplotlib_support("html_report")
    import matplotlib.pyplot as plt

    model, inputs = last_step(estimator, X)
    if not hasattr(model, "task_kinds_"):
        raise ValueError(
            f"{type(model).__name__} is no estimator of sk_mmoe. Pass one that is fitted, or a "
            "pipeline that ends in one."
        )
    view = TasksView(estimator, X, y, sample_weight)
    rng = np.random.default_rng(check_random_state(random_state).randint(2**31))
    with plt.ioff():
        scores = _score_table(view, model, scoring, confidence_level, n_resamples, rng)
        about = (
            f"Higher scores are better. The intervals ({100 * confidence_level:g} %) come from "
            f"{n_resamples} bootstrap resamples of the test rows."
        )
        sections = [Section("Scores", about, [table(scores)])]
        sections += _curves(estimator, X, y, model, sample_weight, random_state)
        sections += _inside(model, inputs, y)
    sections.append(
        Section("Parameters", "The parameters of the estimator.", [table(_parameters(model))])
    )
    lead = (
        f"{type(model).__name__} with {n_parameters(model):,} parameters, tested on "
        f"{len(view.columns[0]):,} rows and {len(view.names)} tasks. Written by sk_mmoe "
        f"{sk_mmoe.__version__}."
    )
    html = write_page(title or type(model).__name__, lead, sections)
    if path is not None:
        Path(path).write_text(html, encoding="utf-8")
    return html


def _score_table(
    view: TasksView,
    model: Any,
    scoring: Any,
    confidence_level: float,
    n_resamples: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return the scores of all tasks with their intervals."""
    kinds = dict(zip(model.task_names_, model.task_kinds_, strict=True))
    if scoring is not None:
        multitask_scoring(scoring)  # an unknown score is an error before work is done
    rows = []
    for k, name in enumerate(view.names):
        kind = kinds.get(name, model.task_kinds_[k])
        wanted = scoring.get(name, []) if isinstance(scoring, Mapping) else scoring
        metrics = _SCORES[kind] if wanted is None else wanted
        known = np.flatnonzero(~np.asarray(pd.isna(view.columns[k])))
        for metric in [metrics] if isinstance(metrics, str) else metrics:
            found = bootstrap_interval(
                partial(view.score, name, metric),
                known,
                n_resamples=n_resamples,
                confidence_level=confidence_level,
                rng=rng,
            )
            rows.append([name, kind, len(known), str(metric), *found])
    columns = ["Task", "Kind", "Labels", "Score", "Value", "From", "To"]
    return pd.DataFrame(rows, columns=columns)


def _curves(
    estimator: Any, X: Any, y: Any, model: Any, sample_weight: Any, random_state: Any
) -> Iterator[Section]:
    """Yield the curves of tasks with classes, and the errors of those with numbers."""
    weighted = {"sample_weight": sample_weight}
    settings: dict[type[TaskPanelsDisplay], dict[str, Any]] = {
        RocCurvesDisplay: weighted,
        PrecisionRecallCurvesDisplay: weighted,
        CalibrationCurvesDisplay: {"strategy": "quantile"},
        ConfusionMatricesDisplay: {"normalize": "true", **weighted},
        PredictionErrorsDisplay: {"random_state": random_state},
    }
    kinds = {classes is not None for classes in model.model_.tasks.classes}
    for display_class, (title, text) in _CURVES.items():
        if display_class._of_classes in kinds:
            display = display_class.from_estimator(estimator, X, y, **settings[display_class])
            yield Section(
                title, text, [picture(display, f"{title}: {', '.join(display.displays)}")]
            )


def _inside(model: Any, X: Any, y: Any) -> Iterator[Section]:
    """Yield what the network has learned, as far as its architecture has it."""
    if hasattr(model, "gate_weights"):
        yield Section(
            "Experts",
            "The mean weight that each task gives to each expert, and how evenly it mixes them.",
            [picture(ExpertUseDisplay.from_estimator(model, X), "Use of experts by the tasks")],
        )
    if hasattr(model, "stitches_"):
        yield Section(
            "Stitches",
            "How much each task takes from each task in every hidden layer.",
            [picture(StitchDisplay.from_estimator(model), "Matrices of the cross-stitch network")],
        )
    if model.n_tasks_ > 1:
        yield Section(
            "Related tasks",
            "The correlation of the labels and, if there are gates, the similarity of the gates.",
            [picture(TaskRelatednessDisplay.from_estimator(model, X, y), "Relatedness of tasks")],
        )
    yield Section(
        "Losses in training",
        "Solid: training. Dashed: held out. The loss should fall and then level off.",
        [picture(LossCurvesDisplay.from_estimator(model), "Losses of the tasks over epochs")],
    )


def _parameters(model: Any) -> pd.DataFrame:
    """Return the parameters of an estimator and their values."""
    parameters = model.get_params(deep=False)
    values = [repr(value) for value in parameters.values()]
    return pd.DataFrame({"Parameter": list(map(str, parameters)), "Value": values})
