"""Groups of hyper-parameters: each is declared once, with its type, its bounds and its default.

An estimator inherits from several groups. Its constructor takes the parameters of all of them, the
last group in the method resolution order first: architecture, layers, columns, training, tasks.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import Annotated, Any, ClassVar, Literal, dataclass_transform, get_type_hints

import torch
from sklearn.utils._param_validation import Interval, StrOptions

from sk_mmoe.estimators._sklearn import BaseEstimator
from sk_mmoe.nn._initialization import WEIGHT_BOUNDS
from sk_mmoe.nn._stacked import ACTIVATIONS
from sk_mmoe.nn.balancing import BALANCING

PositiveInt = Annotated[int, Interval(Integral, 1, None, closed="left")]
Auto = Literal["auto"]
AutoInt = Annotated[int | Auto, StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")]
NonNegativeInt = Annotated[int, Interval(Integral, 0, None, closed="left")]
NonNegative = Annotated[float, Interval(Real, 0, None, closed="left")]
Positive = Annotated[float, Interval(Real, 0, None, closed="neither")]
Probability = Annotated[float, Interval(Real, 0, 1, closed="left")]
Flag = Annotated[bool, "boolean"]
# A single number stands for one layer.
LayerSizes = Annotated[Any, "array-like", Interval(Integral, 1, None, closed="left")]


@dataclass_transform(kw_only_default=True, eq_default=False)
class Parameters(BaseEstimator):
    """Base of all groups of parameters.

    Every subclass becomes a dataclass, whose fields are the parameters. The further arguments of
    ``Annotated`` are scikit-learn's constraints.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Make the constructor, and collect the constraints of all groups."""
        super().__init_subclass__(**kwargs)
        dataclass(kw_only=True, eq=False, repr=False)(cls)
        # Constraints would make the signature hard to read. Type checkers look at the fields.
        cls.__init__.__annotations__ = {}
        hints = get_type_hints(cls, include_extras=True)
        cls._parameter_constraints = {
            name: list(hint.__metadata__)
            for name, hint in hints.items()
            if hasattr(hint, "__metadata__")
        }

    def _validate_params(self) -> None:
        """Check the kinds and bounds; True is no number here, though Python takes it for 1."""
        super()._validate_params()
        for name, constraints in self._parameter_constraints.items():
            value = getattr(self, name)
            if isinstance(value, bool) and not {"boolean", "verbose"} & set(map(str, constraints)):
                raise ValueError(
                    f"{name} of {type(self).__name__} must be a number, got {value!r}."
                )

    @classmethod
    def _get_param_names(cls) -> list[str]:
        """Return the names of the parameters, in the order of the signature."""
        return [_Name(field.name, place) for place, field in enumerate(fields(cls))]


class _Name(str):
    """The name of a parameter; names are sorted as in the signature.

    scikit-learn sorts the parameters that it shows. An architecture's stand first here.
    """

    place: int

    def __new__(cls, name: str, place: int) -> _Name:
        found = super().__new__(cls, name)
        found.place = place
        return found

    def __lt__(self, other: str) -> bool:
        return self.place < other.place if isinstance(other, _Name) else str(self) < other

    def __getnewargs__(self) -> tuple[str, int]:
        return str(self), self.place


class LayerParameters(Parameters):
    """What the hidden layers of every architecture have in common."""

    activation: Annotated[str, StrOptions(set(ACTIVATIONS))] = "relu"
    dropout: Probability = 0.0
    weight_init: Annotated[str, StrOptions(set(WEIGHT_BOUNDS))] = "torch"


class ColumnParameters(Parameters):
    """How the network reads the columns of X."""

    categorical_features: Annotated[Any, StrOptions({"from_dtype"}), "array-like", None] = (
        "from_dtype"
    )
    numeric_encoding: Annotated[Any, StrOptions({"auto", "piecewise_linear"}), None] = "auto"
    n_knots: Annotated[Any, StrOptions({"auto"}), Interval(Integral, 2, None, closed="left")] = (
        "auto"
    )
    embedding_dim: Annotated[
        int | Auto | None, StrOptions({"auto"}), Interval(Integral, 1, None, closed="left"), None
    ] = "auto"
    embedding_alpha: NonNegative = 1.0
    category_smooth: NonNegative = 20.0
    n_cross_layers: Annotated[
        int | Auto, StrOptions({"auto"}), Interval(Integral, 0, None, closed="left")
    ] = "auto"


class TrainingParameters(Parameters):
    """How the network is trained."""

    task_weights: Annotated[Any, dict, "array-like", None] = None
    loss_balancing: Annotated[Any, StrOptions(set(BALANCING)), torch.nn.Module] = "fixed"
    learning_rate_init: Annotated[
        float | Auto, StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")
    ] = "auto"
    alpha: NonNegative = 1e-4
    average: Flag = True
    batch_size: AutoInt = "auto"
    max_iter: PositiveInt = 100
    early_stopping: Annotated[Any, "boolean", StrOptions({"auto"})] = "auto"
    validation_fraction: Annotated[float, Interval(Real, 0, 1, closed="neither")] = 0.1
    n_iter_no_change: AutoInt = "auto"
    tol: NonNegative = 1e-4
    main_task: Annotated[Any, str, Interval(Integral, 0, None, closed="left"), None] = None
    warm_start: Flag = False
    n_members: AutoInt = "auto"
    random_state: Annotated[Any, "random_state"] = None
    verbose: Annotated[Any, "verbose"] = 0
    device: Annotated[Any, str, torch.device] = "auto"
    dtype: Annotated[str, StrOptions({"float32", "float64"})] = "float32"
    compile: Flag = False
    callbacks: Annotated[Any, list, tuple, None] = None
    net_params: Annotated[dict[str, Any] | None, dict, None] = None
