"""The networks' defaults, which are those of the estimators."""

import inspect

import pytest

import sk_mmoe
from sk_mmoe import nn

# An architecture has a network and, by the same name, estimators.
ARCHITECTURES = [name for name in nn.__all__ if f"{name}Classifier" in sk_mmoe.__all__]


def defaults(function):
    """Return the defaults of a signature."""
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty}


def test_every_estimator_has_a_network_of_its_name():
    names = [name for name in sk_mmoe.__all__ if name.endswith("Classifier")]
    assert sorted(f"{name}Classifier" for name in ARCHITECTURES) == sorted(names)


@pytest.mark.parametrize("kind", ["Classifier", "Regressor", "MixedPredictor"])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_networks_defaults_are_its_estimators(name, kind):
    of_network = defaults(getattr(nn, name))
    of_estimator = getattr(sk_mmoe, name + kind)().get_params()
    assert of_network
    assert of_network == {parameter: of_estimator.get(parameter) for parameter in of_network}


@pytest.mark.parametrize("cls", [nn.EmbeddedNetwork, nn.ColumnEmbedding])
def test_the_defaults_of_embeddings_are_the_estimators(cls):
    of_layer = defaults(cls)
    # The number of knots depends on the table.
    assert of_layer.pop("n_interpolated") == 0
    of_estimator = sk_mmoe.MMoEClassifier().get_params()
    of_estimator |= {"embedding_dim": 8, "n_cross_layers": 2}  # of most tables
    assert of_layer == {parameter: of_estimator.get(parameter) for parameter in of_layer}


@pytest.mark.parametrize(
    ("layer", "network"), [(nn.MixtureOfExperts, nn.MMoE), (nn.ExtractionLayer, nn.PLE)]
)
def test_a_layers_defaults_are_those_of_its_network(layer, network):
    of_layer, of_network = defaults(layer), defaults(network)
    of_network["hidden_layer_sizes"] = of_network["expert_hidden_layer_sizes"]
    shared = of_layer.keys() & of_network.keys()
    assert len(shared) > 5
    assert {key: of_layer[key] for key in shared} == {key: of_network[key] for key in shared}
