"""skorch callbacks for the nets inside the estimators.

Pass them as ``callbacks=`` of an estimator.  scikit-learn's own callbacks, such as
:class:`sklearn.callback.ProgressBar`, are set with ``estimator.set_callbacks``.
"""

from sk_mmoe.callbacks._checkpoint import TrainingCheckpoint
from sk_mmoe.callbacks._convergence import ConvergenceMonitor

__all__ = ["ConvergenceMonitor", "TrainingCheckpoint"]
