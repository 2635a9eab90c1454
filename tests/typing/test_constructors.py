"""Type checkers see the constructors as Python does.

`nox -s lint` checks this file with mypy in its strict mode. There a comment that ignores an error
is itself an error if mypy finds none. At run time the tests show that Python refuses the same.
"""

from typing import Literal, assert_type

import pytest

from sk_mmoe import (
    CrossStitchRegressor,
    L2ConstrainedClassifier,
    MMoEClassifier,
    MMoEMixedPredictor,
    MMoERegressor,
    OMoEClassifier,
    PLERegressor,
    SharedBottomClassifier,
    SingleTaskRegressor,
    TensorFactorizationClassifier,
)


def test_parameters_of_architecture_layers_columns_and_training_are_known() -> None:
    model = MMoEClassifier(n_experts=4, dropout=0.1, embedding_dim=None, max_iter=5)
    assert_type(model, MMoEClassifier)
    assert_type(model.n_experts, int)
    assert_type(model.dropout, float)
    assert_type(model.embedding_dim, int | Literal["auto"] | None)
    assert (model.n_experts, model.dropout, model.embedding_dim) == (4, 0.1, None)


def test_regressors_and_mixed_predictors_have_the_parameters_of_their_architecture() -> None:
    assert MMoERegressor(n_experts=4).n_experts == 4
    assert MMoEMixedPredictor(n_experts=4, tasks=["binary", "regression"]).n_experts == 4


def test_every_architecture_has_its_parameters() -> None:
    assert OMoEClassifier(n_experts=4).n_experts == 4
    assert PLERegressor(n_task_experts=2).n_task_experts == 2
    assert SharedBottomClassifier(hidden_layer_sizes=(8,)).hidden_layer_sizes == (8,)
    assert SingleTaskRegressor(hidden_layer_sizes=(8,)).hidden_layer_sizes == (8,)
    assert CrossStitchRegressor(hidden_layer_sizes=(8,)).hidden_layer_sizes == (8,)
    assert L2ConstrainedClassifier(coupling=0.1).coupling == 0.1
    assert TensorFactorizationClassifier(ranks=(4, 4, 2)).ranks == (4, 4, 2)


def test_a_misspelt_parameter_is_refused() -> None:
    with pytest.raises(TypeError, match="n_expert"):
        MMoEClassifier(n_expert=4)  # type: ignore[call-arg]


def test_a_parameter_of_another_architecture_is_refused() -> None:
    with pytest.raises(TypeError, match="n_experts"):
        SharedBottomClassifier(n_experts=4)  # type: ignore[call-arg]


def test_parameters_are_given_by_name() -> None:
    with pytest.raises(TypeError, match="positional"):
        MMoEClassifier(4)  # type: ignore[call-arg]


def test_a_value_of_another_type_is_flagged_before_fit_refuses_it() -> None:
    model = MMoEClassifier(n_experts="four")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="'n_experts' parameter"):
        model.fit([[0.0], [1.0]], [0, 1])


def test_fit_returns_its_own_class() -> None:
    model = MMoERegressor(max_iter=1, random_state=0).fit([[0.0], [1.0]] * 5, [0.0, 1.0] * 5)
    assert_type(model, MMoERegressor)
    assert isinstance(model, MMoERegressor)
