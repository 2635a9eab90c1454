"""Multi-task learning on tables, in scikit-learn's manner.

Estimators for several related targets at once: one network, shared experts, a gate and a tower for
each task [1]_.

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

from sk_mmoe._mixture import MMoEClassifier, MMoEMixedPredictor, MMoERegressor
from sk_mmoe._omoe import OMoEClassifier, OMoEMixedPredictor, OMoERegressor
from sk_mmoe._persistence import load_model, save_model
from sk_mmoe._shared_bottom import (
    SharedBottomClassifier,
    SharedBottomMixedPredictor,
    SharedBottomRegressor,
)

__version__ = "0.1.0"

__all__ = [
    "MMoEClassifier",
    "MMoEMixedPredictor",
    "MMoERegressor",
    "OMoEClassifier",
    "OMoEMixedPredictor",
    "OMoERegressor",
    "SharedBottomClassifier",
    "SharedBottomMixedPredictor",
    "SharedBottomRegressor",
    "load_model",
    "save_model",
]
