"""Networks whose weights form one tensor in Tucker form: parameters and estimators."""

from __future__ import annotations

from numbers import Integral
from typing import Annotated, Any, ClassVar

import torch
from sklearn.utils._param_validation import Interval, RealNotInt

from sk_mmoe import nn
from sk_mmoe.estimators._architecture import Architecture
from sk_mmoe.estimators._classifier import MultiTaskClassifier
from sk_mmoe.estimators._docs import document
from sk_mmoe.estimators._mixed import MixedTaskPredictor
from sk_mmoe.estimators._parameters import LayerSizes
from sk_mmoe.estimators._regressor import MultiTaskRegressor


class TensorFactorization(Architecture):
    """Tensor factorisation.

    Each task has a network. The weights of a hidden layer, over inputs, outputs and tasks, form one
    tensor of low rank in Tucker form. The tasks share the factors and differ in how they combine
    them [1]_ [2]_. The ranks determine how much is shared.

    Use it for many tasks with the same kind of target.

    Parameters
    ----------
    hidden_layer_sizes : array-like of shape (n_layers,) or int, default=(64, 32)
        Units of each hidden layer of a task's network. Use smaller layers when the network
        overfits. Empty: the scores are linear in the inputs, and the tasks share nothing.
    ranks : int, float or array-like of shape (3,), default=(1.0, 0.5, 1.0)
        Ranks of each layer's weights along inputs, outputs and tasks. A single value is used for
        all three. A float in (0, 1] is a fraction of the full rank, and an int is the rank itself:
        `1.0` is full rank, `1` is rank one. An int above the full rank means the full rank. With
        rank one along tasks, the weights of two tasks differ by a factor only. With full rank along
        all three, the weights of each task can take any values. Lower the rank along inputs for
        wide tables to save parameters. On narrow tables a lower rank hides inputs from all tasks.

    See Also
    --------
    sk_mmoe.nn.TensorFactorization : The networks alone, as a torch module.

    Notes
    -----
    The initial core and factors are scaled so that their products, the weights, have the variance
    of an ordinary network's. Products of four ordinary initial values would be far too small.

    References
    ----------
    .. [1] Yang and Hospedales "Deep Multi-task Representation Learning: A Tensor Factorisation
       Approach", ICLR 2017.
    .. [2] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
       Mixture-of-Experts", KDD 2018, section 6.1.
    """

    network: ClassVar[type[torch.nn.Module]] = nn.TensorFactorization

    hidden_layer_sizes: LayerSizes = (64, 32)
    ranks: Annotated[
        Any,
        "array-like",
        Interval(Integral, 1, None, closed="left"),
        Interval(RealNotInt, 0, 1, closed="right"),
    ] = (1.0, 0.5, 1.0)


@document
class TensorFactorizationClassifier(MultiTaskClassifier, TensorFactorization):
    """Tensor factorisation for several classification tasks at once."""


@document
class TensorFactorizationRegressor(MultiTaskRegressor, TensorFactorization):
    """Tensor factorisation for several regression tasks at once."""


@document
class TensorFactorizationMixedPredictor(MixedTaskPredictor, TensorFactorization):
    """Tensor factorisation for classification and regression tasks side by side."""
