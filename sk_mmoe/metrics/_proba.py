"""Probabilities of the positive classes of all tasks as one table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from sk_mmoe.metrics._views import fitted_task_names


def predict_positive_proba(estimator: Any, X: Any) -> pd.DataFrame:
    """Predict the probability of the positive class of each task with two classes.

    The positive class is the second one, ``classes_[k][1]``: True, 1, or the later string in
    alphabetical order. Tasks with more classes and tasks with numbers have no positive class and no
    column.

    Read more in the :doc:`User Guide </user_guide/kinds>`.

    Parameters
    ----------
    estimator : estimator
        A fitted classifier or mixed predictor of this package, or another multi-output classifier
        with `predict_proba`, also in a search or at the end of a pipeline.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The inputs.

    Returns
    -------
    DataFrame of shape (n_samples, n_binary_tasks)
        The probabilities, with one column for each task with two classes. The columns have the
        names of the tasks. The index is that of X, if it is a pandas DataFrame.

    Raises
    ------
    ValueError
        If no task has two classes.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.datasets import make_classification
    >>> from sk_mmoe import MMoEClassifier
    >>> from sk_mmoe.metrics import predict_positive_proba
    >>> X, click = make_classification(300, random_state=0)
    >>> y = pd.DataFrame({"click": click, "like": click * (X[:, 0] > 0)})
    >>> model = MMoEClassifier(max_iter=5, random_state=0).fit(X, y)
    >>> predict_positive_proba(model, X[:2]).columns.to_list()
    ['click', 'like']
    """
    probabilities = estimator.predict_proba(X)
    if not isinstance(probabilities, list):
        # One task, or a multi-label classifier of scikit-learn with a column for each task.
        of_one = np.allclose(probabilities.sum(axis=1), 1)
        probabilities = (
            [probabilities] if of_one else [np.column_stack([1 - p, p]) for p in probabilities.T]
        )
    names = fitted_task_names(estimator) or [f"task{k}" for k in range(len(probabilities))]
    positive = {
        name: proba[:, 1]
        for name, proba in zip(names, probabilities, strict=True)
        if proba is not None and proba.shape[1] == 2
    }
    if not positive:
        raise ValueError(f"none of the tasks {names} has two classes. Use predict_proba.")
    return pd.DataFrame(positive, index=X.index if isinstance(X, pd.DataFrame) else None)
