"""scikit-learn's base classes, and what mypy reads in their place.

scikit-learn has no type annotations. mypy takes its classes for `Any`, and the constructor of a
class with such a base accepts every keyword: a misspelt parameter would pass unnoticed. `MYPY` is
true for mypy alone. Other type checkers read scikit-learn itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

MYPY = False

if MYPY:
    from typing import Self

    Method = TypeVar("Method", bound=Callable[..., Any])

    def _fit_context(*, prefer_skip_nested_validation: bool) -> Callable[[Method], Method]: ...

    class BaseEstimator:
        """The public methods, with those that scikit-learn makes of the signature of `fit` etc."""

        def get_params(self, deep: bool = True) -> dict[str, Any]: ...
        def set_params(self, **params: Any) -> Self: ...
        def get_metadata_routing(self) -> Any: ...
        def set_fit_request(self, **requests: bool | str | None) -> Self: ...
        def set_partial_fit_request(self, **requests: bool | str | None) -> Self: ...
        def set_score_request(self, **requests: bool | str | None) -> Self: ...
        def _validate_params(self) -> None: ...
        def __sklearn_tags__(self) -> Any: ...
        def __sklearn_clone__(self) -> Self: ...

    class CallbackSupportMixin:
        """What takes scikit-learn's callbacks."""

        def set_callbacks(self, callbacks: Any) -> Self: ...

    class ClassifierMixin:
        """What marks a classifier."""

    class RegressorMixin:
        """What marks a regressor."""

else:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, _fit_context
    from sklearn.callback import CallbackSupportMixin

__all__ = [
    "BaseEstimator",
    "CallbackSupportMixin",
    "ClassifierMixin",
    "RegressorMixin",
    "_fit_context",
]
