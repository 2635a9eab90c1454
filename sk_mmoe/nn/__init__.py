"""Torch networks for multi-task learning, usable without the rest of the package.

Build a network as ``Network(n_features, n_outputs, **hyperparameters)``.  Its ``forward(x)`` takes
a tensor of shape ``(n_samples, n_features)`` and returns one tensor of raw scores per task, of
shape ``(n_samples, n_outputs[k])``.  The defaults of a network are those of the estimators with its
name.  This subpackage imports torch only.

Examples
--------
>>> import torch
>>> from sk_mmoe.nn import MMoE
>>> network = MMoE(n_features=5, n_outputs=[1, 3], n_experts=4)
>>> [tuple(scores.shape) for scores in network(torch.zeros(7, 5))]
[(7, 1), (7, 3)]
"""

from sk_mmoe.nn._averaging import WeightAverage
from sk_mmoe.nn._column_embedding import ColumnEmbedding
from sk_mmoe.nn._column_rows import ColumnRows
from sk_mmoe.nn._count import count_parameters, fit_width
from sk_mmoe.nn._cross import CrossLayers
from sk_mmoe.nn._cross_stitch import CrossStitch
from sk_mmoe.nn._cross_stitch_unit import CrossStitchUnit
from sk_mmoe.nn._embedded import EmbeddedNetwork
from sk_mmoe.nn._extraction import ExtractionLayer
from sk_mmoe.nn._heads import TaskHeads
from sk_mmoe.nn._initialization import initialize_weights
from sk_mmoe.nn._l2_constrained import L2Constrained
from sk_mmoe.nn._loss import MultiTaskLoss
from sk_mmoe.nn._members import MemberStack
from sk_mmoe.nn._mixture import MixtureOfExperts
from sk_mmoe.nn._mmoe import MMoE
from sk_mmoe.nn._omoe import OMoE
from sk_mmoe.nn._optimizer import FusedAdamW
from sk_mmoe.nn._parameter_groups import parameter_groups
from sk_mmoe.nn._ple import PLE
from sk_mmoe.nn._shared_bottom import SharedBottom
from sk_mmoe.nn._single_task import SingleTask
from sk_mmoe.nn._sparse import SparseRows
from sk_mmoe.nn._stacked import StackedLinear, StackedMLP
from sk_mmoe.nn._tensor_factorization import TensorFactorization
from sk_mmoe.nn._tucker import TuckerLinear
from sk_mmoe.nn.balancing import (
    FAMO,
    DynamicWeightAverage,
    FixedWeights,
    GradientSurgery,
    GradNorm,
    LossScalarization,
    PCGrad,
    TwoSampleWeighting,
    UncertaintyWeighting,
)

__all__ = [
    "FAMO",
    "PLE",
    "ColumnEmbedding",
    "ColumnRows",
    "CrossLayers",
    "CrossStitch",
    "CrossStitchUnit",
    "DynamicWeightAverage",
    "EmbeddedNetwork",
    "ExtractionLayer",
    "FixedWeights",
    "FusedAdamW",
    "GradNorm",
    "GradientSurgery",
    "L2Constrained",
    "LossScalarization",
    "MMoE",
    "MemberStack",
    "MixtureOfExperts",
    "MultiTaskLoss",
    "OMoE",
    "PCGrad",
    "SharedBottom",
    "SingleTask",
    "SparseRows",
    "StackedLinear",
    "StackedMLP",
    "TaskHeads",
    "TensorFactorization",
    "TuckerLinear",
    "TwoSampleWeighting",
    "UncertaintyWeighting",
    "WeightAverage",
    "count_parameters",
    "fit_width",
    "initialize_weights",
    "parameter_groups",
]
