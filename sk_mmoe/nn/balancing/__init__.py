"""How training balances the tasks, one method per file.

:class:`FixedWeights` is the base of all methods and says what a method may override. The registry
``BALANCING`` holds the methods that have a name.
"""

from sk_mmoe.nn.balancing._dynamic_average import DynamicWeightAverage
from sk_mmoe.nn.balancing._famo import FAMO
from sk_mmoe.nn.balancing._fixed import FixedWeights
from sk_mmoe.nn.balancing._gradients import GradientBalancing
from sk_mmoe.nn.balancing._gradnorm import GradNorm
from sk_mmoe.nn.balancing._pcgrad import PCGrad
from sk_mmoe.nn.balancing._registry import BALANCING, make_balancing
from sk_mmoe.nn.balancing._scalarization import LossScalarization
from sk_mmoe.nn.balancing._surgery import GradientSurgery
from sk_mmoe.nn.balancing._two_samples import TwoSampleWeighting
from sk_mmoe.nn.balancing._uncertainty import UncertaintyWeighting

__all__ = [
    "BALANCING",
    "FAMO",
    "DynamicWeightAverage",
    "FixedWeights",
    "GradNorm",
    "GradientBalancing",
    "GradientSurgery",
    "LossScalarization",
    "PCGrad",
    "TwoSampleWeighting",
    "UncertaintyWeighting",
    "make_balancing",
]
