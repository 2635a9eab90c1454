"""Pictures of what the networks have learned, as scikit-learn's displays.

matplotlib is imported when a picture is drawn, not before.

Examples
--------
>>> from sk_mmoe.inspection import GateWeightsDisplay
>>> GateWeightsDisplay([[0.7, 0.3], [0.2, 0.8]], task_names=["click", "like"]).mean_weights.shape
(2, 2)
"""

from sk_mmoe.inspection._expert_use import ExpertUseDisplay
from sk_mmoe.inspection._gate_curves import GateCurvesDisplay
from sk_mmoe.inspection._gates import GateWeightsDisplay
from sk_mmoe.inspection._loss_curves import LossCurvesDisplay
from sk_mmoe.inspection._relatedness import TaskRelatednessDisplay
from sk_mmoe.inspection._stitches import StitchDisplay

__all__ = [
    "ExpertUseDisplay",
    "GateCurvesDisplay",
    "GateWeightsDisplay",
    "LossCurvesDisplay",
    "StitchDisplay",
    "TaskRelatednessDisplay",
]
