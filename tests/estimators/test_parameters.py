"""Hyper-parameters: declared once, in one order for signature, repr and documentation."""

import inspect
import pickle

import pytest
from numpydoc.docscrape import get_doc_object
from sklearn.base import clone
from sklearn.utils._param_validation import InvalidParameterError

import sk_mmoe
from sk_mmoe.estimators._parameters import (
    ColumnParameters,
    LayerParameters,
    TrainingParameters,
)

ESTIMATORS = [getattr(sk_mmoe, name) for name in sk_mmoe.__all__ if name[0].isupper()]


def signature_of(cls):
    return list(inspect.signature(cls).parameters)


def test_a_signature_starts_with_the_architecture():
    assert signature_of(sk_mmoe.MMoEClassifier)[0] == "n_experts"


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_parameters_run_from_architecture_over_layers_and_columns_to_training(cls):
    names = signature_of(cls)
    groups = [signature_of(group) for group in (LayerParameters, ColumnParameters)]
    groups.append(signature_of(TrainingParameters))
    shared = [name for group in groups for name in group]
    start = names.index(shared[0])
    assert names[start : start + len(shared)] == shared
    # Before these are the network's own, and after them what is said of the tasks.
    assert set(names[:start]) <= set(inspect.signature(cls.network).parameters)
    assert names[start + len(shared) :] in (["tasks"], ["tasks", "class_weight"])


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_documentation_and_get_params_have_the_order_of_the_signature(cls):
    names = signature_of(cls)
    assert [entry.name for entry in get_doc_object(cls)["Parameters"]] == names
    assert list(cls().get_params()) == names


def test_repr_has_the_order_of_the_signature():
    model = sk_mmoe.MMoEClassifier(class_weight="balanced", alpha=0.1, dropout=0.2, n_experts=4)
    assert repr(model) == (
        "MMoEClassifier(n_experts=4, dropout=0.2, alpha=0.1, class_weight='balanced')"
    )


def test_names_of_parameters_survive_a_pickle():
    names = list(sk_mmoe.PLERegressor().get_params())
    assert sorted(pickle.loads(pickle.dumps(names)), reverse=True) == names[::-1]


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_a_network_gets_every_parameter_of_its_architecture(cls):
    model = cls()
    names = signature_of(cls)
    of_network = model.network_parameters()
    assert list(of_network) == [
        name for name in names if name in inspect.signature(cls.network).parameters
    ]
    assert set(names[: names.index("activation")]) <= set(of_network)


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_all_parameters_have_constraints_which_defaults_obey(cls):
    assert set(cls._parameter_constraints) == set(signature_of(cls))
    cls()._validate_params()


@pytest.mark.parametrize(
    "wrong",
    [{"n_experts": 0}, {"gate": "hard"}, {"dropout": 1.0}, {"n_knots": 1}, {"max_iter": 2.5}],
)
def test_values_out_of_bounds_are_refused_before_training(wrong, X, y):
    (name,) = wrong
    with pytest.raises(InvalidParameterError, match=f"'{name}' parameter"):
        sk_mmoe.MMoEClassifier(**wrong).fit(X, y)


def test_subclasses_add_parameters_and_keep_those_of_their_base():
    class Wider(sk_mmoe.MMoERegressor):
        width_factor: float = 2.0

    model = clone(Wider(width_factor=3.0, n_experts=2))
    assert (model.width_factor, model.n_experts) == (3.0, 2)
    assert signature_of(Wider)[-1] == "width_factor"
