"""Splitters, searches and out-of-fold predictions for models of several tasks.

>>> import numpy as np
>>> from sk_mmoe.model_selection import MultiOutputStratifiedKFold
>>> y = np.tile([[0, 0], [0, 1], [1, 1]], (20, 1))
>>> for _, test in MultiOutputStratifiedKFold(n_splits=2).split(y, y):
...     print(y[test].mean(axis=0).round(2))
[0.33 0.67]
[0.33 0.67]
"""

from sk_mmoe.model_selection._cross_val import cross_val_predict_proba
from sk_mmoe.model_selection._gp_search import GPSearchCV
from sk_mmoe.model_selection._splits import (
    MultiOutputStratifiedKFold,
    MultiOutputStratifiedShuffleSplit,
)

__all__ = [
    "GPSearchCV",
    "MultiOutputStratifiedKFold",
    "MultiOutputStratifiedShuffleSplit",
    "cross_val_predict_proba",
]
