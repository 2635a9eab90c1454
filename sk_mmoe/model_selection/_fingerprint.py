"""What the candidates of a study were evaluated on, in texts that can be stored and compared."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Iterable, Mapping
from typing import Any

import joblib
import numpy as np
import pandas as pd
from scipy import sparse

# Settings that do not change a score.
_NO_MATTER = ("n_jobs", "pre_dispatch", "verbose")


def describe_search(
    search: Any, estimator: Any, space: Mapping[str, str], data: Mapping[str, Any]
) -> dict[str, str]:
    """Return a text for everything that the scores of a search depend on.

    Parameters
    ----------
    search : GPSearchCV
        The search.
    estimator : estimator object
        Its estimator.
    space : dict of str to str
        A text for each searched parameter.
    data : dict of str to object
        The data, folds and parameters of `fit`, by name.

    Returns
    -------
    dict of str to str
        Texts that are equal for equal searches, also in another process.
    """
    return {
        **{f"distribution of {name}": text for name, text in space.items()},
        **describe_estimator(estimator, space),
        **{name: describe(value) for name, value in data.items()},
        "scoring": describe(search.scoring),
        "refit": search.refit if isinstance(search.refit, str) else "",
        "return_train_score": str(search.return_train_score),
    }


def describe_estimator(estimator: Any, searched: Iterable[str]) -> dict[str, str]:
    """Return a text for the class and for each parameter of an estimator.

    Parameters
    ----------
    estimator : estimator object
        The estimator of a search.
    searched : iterable of str
        Parameters that the search sets, which are left out.

    Returns
    -------
    dict of str to str
        Texts that are equal for equal estimators, also in another process.
    """
    searched = tuple(searched)
    described = {"estimator": f"{type(estimator).__module__}.{type(estimator).__qualname__}"}
    for name, value in estimator.get_params(deep=True).items():
        is_set = any(name == s or name.startswith(f"{s}__") for s in searched)
        if not is_set and name.split("__")[-1] not in _NO_MATTER:
            # Parameters of nested estimators come one by one.
            described[f"parameter {name}"] = describe(value, nested=False)
    return described


def describe(value: Any, *, nested: bool = True) -> str:
    """Return a text for a value: the value itself if that is short, else a hash of its content.

    With `nested`, the text of an object with parameters, such as a scorer, tells them, too.
    """
    if isinstance(value, float | int | str | None) and len(repr(value)) < 80:
        return repr(value)
    if isinstance(value, list | tuple | dict) and not isinstance(value, pd.DataFrame):
        items = value.items() if isinstance(value, Mapping) else value
        texts = [describe(item, nested=nested) for item in items]
        text = f"{type(value).__name__}({', '.join(texts)})"
        return text if len(text) < 80 else _digest([text.encode()])
    if hasattr(value, "get_params") and not isinstance(value, type):
        parameters = describe(value.get_params(deep=False)) if nested else ""
        return f"{type(value).__qualname__}({parameters})"
    if isinstance(value, pd.DataFrame | pd.Series):
        return _describe_frame(pd.DataFrame(value))
    if sparse.issparse(value):
        csr = sparse.csr_array(value)
        return describe([csr.shape, csr.data, csr.indices, csr.indptr])
    if isinstance(value, np.ndarray) and value.dtype != object:
        content = np.ascontiguousarray(value).data if value.size else b""
        return _digest([str((value.shape, value.dtype)).encode(), content])
    return _hash_object(value)


def _describe_frame(frame: pd.DataFrame) -> str:
    """Return a hash of the names, types and cells of a table, whatever holds them."""
    head = str([(str(name), str(dtype)) for name, dtype in frame.dtypes.items()])
    try:
        rows = pd.util.hash_pandas_object(frame, index=False).to_numpy()
    except TypeError:  # cells that cannot be hashed
        return _hash_object(frame)
    return _digest([head.encode(), rows.tobytes()])


def _hash_object(value: Any) -> str:
    """Return joblib's hash of an object, or the name of its type if it cannot be pickled."""
    try:
        return str(joblib.hash(value))
    except (pickle.PicklingError, TypeError, AttributeError):
        return f"{type(value).__module__}.{type(value).__qualname__}"


def _digest(parts: Iterable[Any]) -> str:
    """Return a hash of bytes."""
    digest = hashlib.md5(usedforsecurity=False)
    for part in parts:
        digest.update(part)
    return digest.hexdigest()
