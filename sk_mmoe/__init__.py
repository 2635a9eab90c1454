"""Multi-task learning on tables with scikit-learn's API.

An estimator fits one network to several related targets. All tasks share a set of experts, and each
task has a gate and a tower [1]_.

References
----------
.. [1] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
   Mixture-of-Experts", KDD 2018.

Examples
--------
>>> from sk_mmoe import MMoERegressor
>>> from sk_mmoe.datasets import make_multitask_sinusoid
>>> X, y = make_multitask_sinusoid(200, n_features=10, random_state=0)
>>> MMoERegressor(max_iter=5, random_state=0).fit(X, y).predict(X).shape
(200, 2)
"""

from sk_mmoe.architectures._cross_stitch import (
    CrossStitchClassifier,
    CrossStitchMixedPredictor,
    CrossStitchRegressor,
)
from sk_mmoe.architectures._l2_constrained import (
    L2ConstrainedClassifier,
    L2ConstrainedMixedPredictor,
    L2ConstrainedRegressor,
)
from sk_mmoe.architectures._mmoe import MMoEClassifier, MMoEMixedPredictor, MMoERegressor
from sk_mmoe.architectures._omoe import OMoEClassifier, OMoEMixedPredictor, OMoERegressor
from sk_mmoe.architectures._ple import PLEClassifier, PLEMixedPredictor, PLERegressor
from sk_mmoe.architectures._shared_bottom import (
    SharedBottomClassifier,
    SharedBottomMixedPredictor,
    SharedBottomRegressor,
)
from sk_mmoe.architectures._single_task import (
    SingleTaskClassifier,
    SingleTaskMixedPredictor,
    SingleTaskRegressor,
)
from sk_mmoe.architectures._tensor_factorization import (
    TensorFactorizationClassifier,
    TensorFactorizationMixedPredictor,
    TensorFactorizationRegressor,
)
from sk_mmoe.estimators._persistence import load_model, save_model
from sk_mmoe.estimators._runs import fit_runs

__version__ = "0.1.0"

__all__ = [
    "CrossStitchClassifier",
    "CrossStitchMixedPredictor",
    "CrossStitchRegressor",
    "L2ConstrainedClassifier",
    "L2ConstrainedMixedPredictor",
    "L2ConstrainedRegressor",
    "MMoEClassifier",
    "MMoEMixedPredictor",
    "MMoERegressor",
    "OMoEClassifier",
    "OMoEMixedPredictor",
    "OMoERegressor",
    "PLEClassifier",
    "PLEMixedPredictor",
    "PLERegressor",
    "SharedBottomClassifier",
    "SharedBottomMixedPredictor",
    "SharedBottomRegressor",
    "SingleTaskClassifier",
    "SingleTaskMixedPredictor",
    "SingleTaskRegressor",
    "TensorFactorizationClassifier",
    "TensorFactorizationMixedPredictor",
    "TensorFactorizationRegressor",
    "fit_runs",
    "load_model",
    "save_model",
]
