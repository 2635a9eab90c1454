"""One-gate Mixture-of-Experts: parameters and estimators."""

from __future__ import annotations

from typing import ClassVar

import torch

from sk_mmoe import nn
from sk_mmoe.architectures._mmoe import MMoE
from sk_mmoe.estimators._classifier import MultiTaskClassifier
from sk_mmoe.estimators._docs import document
from sk_mmoe.estimators._mixed import MixedTaskPredictor
from sk_mmoe.estimators._regressor import MultiTaskRegressor


class OMoE(MMoE):
    """One-gate Mixture-of-Experts.

    All tasks share `n_experts` small networks, the experts, and one gate, which weights the experts
    for each sample. The gate is the softmax of a linear function of the inputs. Each task has a
    tower, a small network that turns the mixture into scores [1]_. The gate can assign experts to
    regions of the inputs, but not to tasks. Use it as a baseline that shows what one gate per task
    adds.

    See Also
    --------
    sk_mmoe.nn.OMoE : The network alone, as a torch module.
    """

    network: ClassVar[type[torch.nn.Module]] = nn.OMoE


@document
class OMoEClassifier(MultiTaskClassifier, OMoE):
    """One-gate Mixture-of-Experts for several classification tasks at once."""


@document
class OMoERegressor(MultiTaskRegressor, OMoE):
    """One-gate Mixture-of-Experts for several regression tasks at once."""


@document
class OMoEMixedPredictor(MixedTaskPredictor, OMoE):
    """One-gate Mixture-of-Experts for classification and regression tasks side by side."""
