"""Fits in MLflow (``pip install mlflow-skinny skops`` or ``mlflow``)."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import mlflow
import pandas as pd
import skops.io
from mlflow.models import ModelSignature, infer_signature


class MLflowRun:
    """Log every fit as a run: parameters, losses and scores of all tasks, and the model.

    It is a callback of scikit-learn, for ``set_callbacks``. It logs to the active run, or to a new
    one. A fit that fails is not logged.

    Parameters
    ----------
    scoring : callable, default=None
        Takes a fitted estimator, X and y and returns a dict of scores on the training data, such as
        :func:`sk_mmoe.metrics.multitask_scoring` does. `None`: the estimator's score.
    """

    def __init__(self, scoring: Callable[..., dict[str, float]] | None = None) -> None:
        self.scoring = scoring

    def setup(self, estimator: Any, context: Any) -> None:
        """Prepare nothing."""

    def teardown(self, estimator: Any, context: Any) -> None:
        """Leave nothing behind."""

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Log nothing, since the fit may fail."""

    def on_fit_task_end(
        self, estimator: Any, context: Any, *, X: Any, y: Any, fitted_estimator: Any
    ) -> None:
        """Log the whole fit at its end, and nothing at the end of an epoch."""
        if context.task_name != "fit":
            return
        model = fitted_estimator
        scores = {"score": model.score(X, y)} if self.scoring is None else self.scoring(model, X, y)
        with nullcontext() if mlflow.active_run() else mlflow.start_run():
            mlflow.log_params(model.get_params())
            for epoch, losses in enumerate(model.task_loss_curve_):
                named = zip(model.task_names_, losses, strict=True)
                mlflow.log_metrics({f"{name}_loss": loss for name, loss in named}, step=epoch)
            mlflow.log_metrics({f"training_{name}": score for name, score in scores.items()})
            mlflow.sklearn.log_model(
                model,
                name="model",
                signature=signature_of(model, first_rows(X), model.task_names_),
                serialization_format="skops",  # which, unlike a pickle, runs no code
                skops_trusted_types=skops.io.get_untrusted_types(data=skops.io.dumps(model)),
            )


def first_rows(X: Any) -> Any:
    """Return a few rows of a table, which may be a LazyTable."""
    return next(X.batches()).slice(0, 5).to_pandas() if hasattr(X, "batches") else X[:5]


def signature_of(model: Any, rows: Any, task_names: Sequence[str]) -> ModelSignature:
    """Return the types of the columns and of the predictions, which may differ among the tasks.

    Parameters
    ----------
    model : estimator or Pipeline
        A fitted estimator, alone or at the end of a pipeline.
    rows : array-like of shape (n_samples, n_features)
        A few rows.
    task_names : sequence of str
        The names of the tasks.

    Returns
    -------
    ModelSignature
        The signature.
    """
    predictions = pd.DataFrame(model.predict(rows), columns=list(task_names))
    return infer_signature(rows, predictions.infer_objects())
