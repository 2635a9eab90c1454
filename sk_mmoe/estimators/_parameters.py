"""The hyper-parameters of training, which all estimators have."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, ClassVar

import torch
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, StrOptions

from sk_mmoe.nn._initialization import WEIGHT_BOUNDS
from sk_mmoe.nn._stacked import ACTIVATIONS
from sk_mmoe.nn.balancing import BALANCING

# What the sizes of hidden layers may be; a single layer may stand alone.
LAYER_SIZES = ["array-like", Interval(Integral, 1, None, closed="left")]


@dataclass(kw_only=True, eq=False, repr=False)
class TrainingParameters(BaseEstimator):
    """The parameters of training, their defaults and what values they may have.

    Every subclass is a dataclass: it declares its own hyper-parameters once, and the constructor
    that scikit-learn inspects has those of all its bases.
    """

    categorical_features: Any = "from_dtype"
    numeric_encoding: Any = "auto"
    n_knots: Any = "auto"
    embedding_dim: Any = 8
    embedding_alpha: float = 1.0
    category_smooth: float = 20.0
    n_cross_layers: int = 2
    activation: str = "relu"
    weight_init: str = "torch"
    dropout: float = 0.0
    task_weights: Any = None
    loss_balancing: Any = "fixed"
    learning_rate_init: float = 1e-3
    alpha: float = 1e-4
    average: bool = True
    batch_size: Any = "auto"
    max_iter: int = 100
    early_stopping: Any = "auto"
    validation_fraction: float = 0.1
    n_iter_no_change: int = 10
    tol: float = 1e-4
    main_task: Any = None
    warm_start: bool = False
    n_members: int = 1
    random_state: Any = None
    verbose: Any = 0
    device: Any = "auto"
    dtype: str = "float32"
    compile: bool = False
    callbacks: Any = None
    net_params: Any = None

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "categorical_features": [StrOptions({"from_dtype"}), "array-like", None],
        "numeric_encoding": [StrOptions({"auto", "piecewise_linear"}), None],
        "n_knots": [StrOptions({"auto"}), Interval(Integral, 2, None, closed="left")],
        "embedding_dim": [Interval(Integral, 1, None, closed="left"), None],
        "embedding_alpha": [Interval(Real, 0, None, closed="left")],
        "category_smooth": [Interval(Real, 0, None, closed="left")],
        "n_cross_layers": [Interval(Integral, 0, None, closed="left")],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "weight_init": [StrOptions(set(WEIGHT_BOUNDS))],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "task_weights": [dict, "array-like", None],
        "loss_balancing": [StrOptions(set(BALANCING)), torch.nn.Module],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "average": ["boolean"],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "early_stopping": ["boolean", StrOptions({"auto"})],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "main_task": [str, Interval(Integral, 0, None, closed="left"), None],
        "warm_start": ["boolean"],
        "n_members": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "device": [str, torch.device],
        "dtype": [StrOptions({"float32", "float64"})],
        "compile": ["boolean"],
        "callbacks": [list, tuple, None],
        "net_params": [dict, None],
    }

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Give a class the parameters and constraints of all its bases beside its own."""
        super().__init_subclass__(**kwargs)
        dataclass(kw_only=True, eq=False, repr=False)(cls)
        merged: dict[str, list[Any]] = {}
        for base in reversed(cls.__mro__):
            merged |= vars(base).get("_parameter_constraints", {})
        cls._parameter_constraints = merged
