"""Displays of what a network has learned, with the API of scikit-learn's displays.

Each display computes its values in ``from_estimator`` and keeps them as attributes. matplotlib is
imported only when a display is drawn; install it with the extra ``plot``.

Examples
--------
>>> from sk_mmoe.inspection import GateWeightsDisplay
>>> GateWeightsDisplay([[0.7, 0.3], [0.2, 0.8]], task_names=["click", "like"]).mean_weights.shape
(2, 2)
"""

from sk_mmoe.inspection._calibration_curves import CalibrationCurvesDisplay
from sk_mmoe.inspection._confusion_matrices import ConfusionMatricesDisplay
from sk_mmoe.inspection._expert_use import ExpertUseDisplay
from sk_mmoe.inspection._gate_curves import GateCurvesDisplay
from sk_mmoe.inspection._gates import GateWeightsDisplay
from sk_mmoe.inspection._loss_curves import LossCurvesDisplay
from sk_mmoe.inspection._precision_recall_curves import PrecisionRecallCurvesDisplay
from sk_mmoe.inspection._prediction_errors import PredictionErrorsDisplay
from sk_mmoe.inspection._relatedness import TaskRelatednessDisplay
from sk_mmoe.inspection._report import html_report
from sk_mmoe.inspection._roc_curves import RocCurvesDisplay
from sk_mmoe.inspection._stitches import StitchDisplay
from sk_mmoe.inspection._task_sharing import compare_task_sharing
from sk_mmoe.inspection._task_sharing_display import TaskSharingDisplay

__all__ = [
    "CalibrationCurvesDisplay",
    "ConfusionMatricesDisplay",
    "ExpertUseDisplay",
    "GateCurvesDisplay",
    "GateWeightsDisplay",
    "LossCurvesDisplay",
    "PrecisionRecallCurvesDisplay",
    "PredictionErrorsDisplay",
    "RocCurvesDisplay",
    "StitchDisplay",
    "TaskRelatednessDisplay",
    "TaskSharingDisplay",
    "compare_task_sharing",
    "html_report",
]
