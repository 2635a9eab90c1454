"""Out-of-fold probabilities of every task."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone, is_classifier
from sklearn.model_selection import check_cv
from sklearn.model_selection._validation import _check_groups_routing_disabled
from sklearn.utils import Bunch, indexable
from sklearn.utils._param_validation import HasMethods, StrOptions, validate_params
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    _routing_enabled,
    process_routing,
)
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _check_method_params, _num_samples

from sk_mmoe.model_selection._splits import MultiOutputStratifiedKFold
from sk_mmoe.model_selection._tables import as_frame


@validate_params(  # type: ignore[untyped-decorator]
    {
        "estimator": [HasMethods("fit")],
        "groups": ["array-like", None],
        "cv": ["cv_object"],
        "n_jobs": [Integral, None],
        "params": [dict, None],
        "method": [StrOptions({"predict_proba", "predict_log_proba"})],
    },
    prefer_skip_nested_validation=False,
)
def cross_val_predict_proba(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    groups: Any = None,
    cv: Any = None,
    n_jobs: int | None = None,
    params: Mapping[str, Any] | None = None,
    method: str = "predict_proba",
) -> Any:
    """Predict each row's probabilities by a model that was fitted to other rows.

    Use it instead of :func:`~sklearn.model_selection.cross_val_predict` for several tasks with
    missing labels or with labels of different types. scikit-learn's function encodes the labels
    before it fits: a missing label becomes a class, and labels of different types become strings.

    Read more in the :doc:`User Guide </user_guide/evaluation>`.

    Parameters
    ----------
    estimator : estimator object
        A classifier of one or several tasks, or a mixed predictor, of this package or of
        scikit-learn, also at the end of a pipeline. It is cloned for each fold.
    X : array-like or sparse matrix of shape (n_samples, n_features)
        The inputs.
    y : array-like of shape (n_samples,) or (n_samples, n_tasks)
        The targets. Labels may be missing (NaN, None or `pd.NA`), if the estimator takes that.
    groups : array-like of shape (n_samples,), default=None
        Groups of rows for splitters such as :class:`~sklearn.model_selection.GroupKFold`. If
        metadata routing is enabled, pass them in `params`.
    cv : int, splitter or iterable, default=None
        The folds. Each row must be a test row in exactly one of them. An int is the number of folds
        of :class:`MultiOutputStratifiedKFold`, and `None` is 5. Pass a splitter if several rows
        belong together, for example to one person.
    n_jobs : int, default=None
        Number of folds fitted at the same time. `None` is 1, and -1 all cores.
    params : dict, default=None
        Parameters for `fit`, such as `sample_weight`. If metadata routing is enabled, also those
        for the splitter. Parameters with one entry for each row are split along with the rows.
    method : {"predict_proba", "predict_log_proba"}, default="predict_proba"
        What to predict.

    Returns
    -------
    ndarray of shape (n_samples, n_classes), or list of those
        The predictions, in the order of the rows of X. If y has two dimensions, a list with one
        entry for each task: an array, or None for a task without classes. There is one column for
        each class among the known labels of y, in sorted order. Some estimators return only the
        probability of 1 for each 0/1 task, for example
        :class:`~sklearn.neural_network.MLPClassifier`. They give one array of shape
        (n_samples, n_tasks).

    Raises
    ------
    ValueError
        If a row is tested in no fold or in several.

    Warns
    -----
    RuntimeWarning
        If a class occurs only in the test rows of a fold. Its probability is 0 there.

    See Also
    --------
    MultiOutputStratifiedKFold : Folds that are stratified over all tasks.
    sklearn.model_selection.cross_val_predict : For predictions other than probabilities.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sk_mmoe import MMoEClassifier
    >>> from sk_mmoe.model_selection import cross_val_predict_proba
    >>> X = np.random.default_rng(0).normal(size=(300, 3))
    >>> rating = pd.Series(np.where(X[:, 1] > 0, "good", "poor")).where(np.arange(300) % 3 > 0)
    >>> y = pd.DataFrame({"click": X[:, 0] > 0, "rating": rating})
    >>> model = MMoEClassifier(max_iter=5, random_state=0)
    >>> probas = cross_val_predict_proba(model, X, y, cv=3)
    >>> [proba.shape for proba in probas]
    [(300, 2), (300, 2)]
    """
    _check_groups_routing_disabled(groups)
    if y is None:
        raise ValueError("y must be passed: without labels there are no classes. Got None.")
    X, y = indexable(X, y)
    routed = _route(estimator, cv, groups, dict(params or {}))
    if cv is None or isinstance(cv, Integral):
        cv = MultiOutputStratifiedKFold(5 if cv is None else cv)
    cv = check_cv(cv, y, classifier=is_classifier(estimator))
    folds = list(cv.split(X, y, **routed.splitter.split))
    tested = np.concatenate([test for _, test in folds])
    if not np.array_equal(np.sort(tested), np.arange(_num_samples(X))):
        raise ValueError(
            "cross_val_predict_proba only works for partitions: each row must be tested in exactly "
            f"one fold. Got {len(tested)} test rows, {len(np.unique(tested))} of them different, "
            f"for {_num_samples(X)} rows."
        )
    results = Parallel(n_jobs=n_jobs)(
        delayed(_fit_and_predict)(clone(estimator), X, y, train, test, routed.estimator.fit, method)
        for train, test in folds
    )
    order = np.argsort(tested)
    table = as_frame(y)
    if not isinstance(results[0][1], list):
        if table.shape[1] > 1:  # one array for tasks with labels 0 and 1
            return np.concatenate([predicted for _, predicted in results])[order]
        results = [([classes], [predicted]) for classes, predicted in results]
    predictions = [
        _join(table.iloc[:, k], [(c[k], p[k]) for c, p in results], method, order)
        for k in range(table.shape[1])
    ]
    n_dimensions = len(y.shape) if hasattr(y, "shape") else np.ndim(y)
    return predictions if n_dimensions == 2 else predictions[0]


def _route(estimator: Any, cv: Any, groups: Any, params: dict[str, Any]) -> Any:
    """Return which parameters go to the splitter and which to the estimator."""
    if not _routing_enabled():
        return Bunch(splitter=Bunch(split={"groups": groups}), estimator=Bunch(fit=params))
    router = MetadataRouter(owner="cross_val_predict_proba")
    router.add(splitter=cv, method_mapping=MethodMapping().add(caller="fit", callee="split"))
    router.add(estimator=estimator, method_mapping=MethodMapping().add(caller="fit", callee="fit"))
    return process_routing(router, "fit", **params)


def _fit_and_predict(
    estimator: Any,
    X: Any,
    y: Any,
    train: np.ndarray,
    test: np.ndarray,
    fit_params: Mapping[str, Any],
    method: str,
) -> tuple[Any, Any]:
    """Return the classes and the predictions of a fold."""
    X_train, y_train = _safe_split(estimator, X, y, train)
    X_test, _ = _safe_split(estimator, X, y, test, train)
    estimator.fit(X_train, y_train, **_check_method_params(X, params=fit_params, indices=train))
    predicted = getattr(estimator, method)(X_test)
    return estimator.classes_, predicted


def _join(
    column: pd.Series, folds: Sequence[tuple[Any, Any]], method: str, order: np.ndarray
) -> np.ndarray | None:
    """Return the predictions of one task for all rows, with a column for each class."""
    if all(predicted is None for _, predicted in folds):
        return None
    classes = _classes(column)
    # The logarithm of zero as scikit-learn writes it: finite.
    absent = 0.0 if method == "predict_proba" else np.finfo(folds[0][1].dtype).min
    aligned, lacking = [], set()
    for known, predicted in folds:
        places = _places(classes, known)
        whole = np.full((len(predicted), len(classes)), absent, dtype=predicted.dtype)
        whole[:, places] = predicted
        aligned.append(whole)
        lacking |= set(range(len(classes))) - set(places)
    if lacking:
        warnings.warn(
            f"Some folds have no row to learn the classes {[classes[i] for i in sorted(lacking)]} "
            f"of the task {column.name!r} from, so their probability is 0 there. Use fewer folds, "
            "or a splitter that shares out the classes of all tasks, MultiOutputStratifiedKFold.",
            RuntimeWarning,
            stacklevel=4,
        )
    return np.concatenate(aligned)[order]


def _classes(column: pd.Series) -> list[Any]:
    """Return the classes among the known labels of a task, sorted if they can be."""
    classes = column.dropna().drop_duplicates().tolist()
    try:
        return sorted(classes)
    except TypeError:
        return classes


def _places(classes: list[Any], known: Any) -> list[int]:
    """Return where the classes that a fold knows are among all."""
    places = pd.Index(classes).get_indexer(pd.Index(known))
    if (places >= 0).all():
        return [int(place) for place in places]
    # Equal, but of another type, as False and 0, or a date of pandas and of NumPy.
    return [next(i for i, c in enumerate(classes) if c == label) for label in known]
