"""The search space: from what users pass for each parameter to Optuna's distributions and back."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sized
from itertools import product
from typing import Any, Protocol

import numpy as np
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    distribution_to_json,
)

# The part of an unbounded distribution that is searched: all but the outermost thousandths.
_QUANTILES = 1e-3, 1 - 1e-3
# Optuna keeps these in any storage. All other choices go by their text.
_PLAIN = (type(None), bool, int, float, str)


class Dimension(Protocol):
    """One parameter of a search: how Optuna sees it, and the value that the estimator gets."""

    @property
    def distribution(self) -> BaseDistribution:
        """Return Optuna's distribution."""

    def value(self, suggested: Any) -> Any:
        """Return the estimator's value for what Optuna suggested."""


class Range:
    """Numbers that Optuna suggests as the estimator needs them."""

    def __init__(self, distribution: BaseDistribution) -> None:
        self.distribution = distribution

    def value(self, suggested: Any) -> Any:
        """Return the number itself."""
        return suggested


class Choice:
    """One of several values, of any type.

    Optuna stores None, bools, numbers and strings. A search space of other values, such as tuples
    or estimators, is searched by their texts. If a study is resumed, Optuna compares the texts
    and so notices when the choices are others.
    """

    def __init__(self, values: Iterable[Any]) -> None:
        self._values = [v.item() if isinstance(v, np.generic) else v for v in values]
        self._labels = _labels(self._values)
        self.distribution = CategoricalDistribution(self._labels)

    def value(self, suggested: Any) -> Any:
        """Return the value with this label."""
        return self._values[self._labels.index(suggested)]


class Quantiles:
    """Numbers of a distribution that Optuna does not know, searched by their quantiles."""

    def __init__(self, frozen: Any) -> None:
        self._frozen = frozen
        low, high = frozen.support()
        self.distribution = FloatDistribution(
            _QUANTILES[0] if np.isinf(low) else 0.0, _QUANTILES[1] if np.isinf(high) else 1.0
        )

    def value(self, suggested: Any) -> Any:
        """Return the quantile: a float, or an int if the distribution is discrete."""
        quantile = float(self._frozen.ppf(suggested))
        if hasattr(self._frozen, "pmf"):
            # The quantile of probability 0 is one below the smallest number.
            return int(max(quantile, self._frozen.support()[0]))
        return quantile


class SearchSpace:
    """The parameters of a search.

    Parameters
    ----------
    param_distributions : dict of str to distribution or list
        For each parameter a frozen distribution of scipy.stats, a distribution of Optuna, or a
        list of values.

    Attributes
    ----------
    distributions : dict of str to BaseDistribution
        Optuna's distributions.
    """

    def __init__(self, param_distributions: Mapping[str, Any]) -> None:
        self._dimensions = {
            name: read_dimension(name, values) for name, values in param_distributions.items()
        }
        self.distributions = {
            name: dimension.distribution for name, dimension in self._dimensions.items()
        }

    def parameters(self, suggested: Mapping[str, Any]) -> dict[str, Any]:
        """Return the estimator's parameters for those that Optuna suggested."""
        return {name: self._dimensions[name].value(suggested[name]) for name in self._dimensions}

    @property
    def size(self) -> float:
        """Number of different candidates: infinite if a parameter is continuous."""
        return math.prod(_size(distribution) for distribution in self.distributions.values())

    def describe(self) -> dict[str, str]:
        """Return a text for each parameter that changes with its range or choices."""
        return {name: distribution_to_json(d) for name, d in self.distributions.items()}


def read_dimension(name: str, values: Any) -> Dimension:
    """Return a parameter of the search space.

    Parameters
    ----------
    name : str
        Name of the parameter, for messages.
    values : distribution of scipy.stats or Optuna, or list
        What to search.

    Returns
    -------
    Dimension
        The parameter.
    """
    if isinstance(values, CategoricalDistribution):
        return Choice(values.choices)
    if isinstance(values, BaseDistribution):
        return Range(values)
    # Frozen: `stats.uniform` itself has these methods, too, but is no distribution yet.
    if hasattr(values, "dist") and hasattr(values, "ppf"):
        return _read_scipy(values)
    is_list = isinstance(values, Iterable) and isinstance(values, Sized)
    if not is_list or isinstance(values, str | bytes | Mapping | set | frozenset):
        raise TypeError(
            f"Expected for the parameter {name!r} a list of values, a frozen distribution of "
            "scipy.stats with quantiles (ppf), such as loguniform(1e-4, 1e-1), or a distribution "
            f"of Optuna. Got {values!r}. A single value to try is a list, too: [value]."
        )
    if getattr(values, "ndim", 1) != 1:
        raise ValueError(
            f"The values of the parameter {name!r} must be one-dimensional. "
            f"Got an array of {values.ndim} dimensions: pass a list of its rows."
        )
    if len(values) == 0:
        raise ValueError(
            f"The parameter {name!r} has an empty list of values. Pass at least one value."
        )
    return Choice(values)


def _read_scipy(frozen: Any) -> Dimension:
    """Return Optuna's form of a distribution of scipy.stats, or its quantiles."""
    kind = frozen.dist.name
    # Of the shifted and scaled distribution.
    low, high = frozen.support()
    if kind == "uniform":
        return Range(FloatDistribution(float(low), float(high)))
    if kind == "randint":
        return Range(IntDistribution(int(low), int(high)))
    # A shifted one (loc != 0) is not uniform in the logarithm.
    if kind in ("loguniform", "reciprocal") and np.isclose(frozen.median(), np.sqrt(low * high)):
        return Range(FloatDistribution(float(low), float(high), log=True))
    return Quantiles(frozen)


def _labels(values: list[Any]) -> list[Any]:
    """Return a different label that Optuna can store for each value."""
    # By equality 1, True and 1.0 are one label, and NaN is none.
    if all(type(v) in _PLAIN and v == v for v in values) and len(set(values)) == len(values):
        return list(values)
    texts = [_text(value) for value in values]
    return [
        text if texts.count(text) == 1 else f"{text} #{texts[:i].count(text) + 1}"
        for i, text in enumerate(texts)
    ]


def _text(value: Any) -> str:
    """Return a text for a value that is the same in another process."""
    name = getattr(value, "__qualname__", None)
    if name is not None:  # a function or a class
        return f"{value.__module__}.{name}"
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))


def _size(distribution: BaseDistribution) -> float:
    """Return how many values a parameter can have."""
    if distribution.single():
        return 1
    if isinstance(distribution, CategoricalDistribution):
        return len(distribution.choices)
    if isinstance(distribution, FloatDistribution | IntDistribution) and distribution.step:
        return round((distribution.high - distribution.low) / distribution.step) + 1
    return math.inf


def all_candidates(distributions: Mapping[str, BaseDistribution]) -> list[dict[str, Any]]:
    """Return every candidate of a finite search space, as Optuna would suggest it."""
    values = [
        d.choices
        if isinstance(d, CategoricalDistribution)
        else [d.to_external_repr(d.low + i * (d.step or 0)) for i in range(int(_size(d)))]  # type: ignore[attr-defined]
        for d in distributions.values()
    ]
    return [dict(zip(distributions, combination, strict=True)) for combination in product(*values)]
