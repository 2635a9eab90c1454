"""
Calibration of each task
========================

Do 20 % of the rows with a predicted probability of 0.2 have the label? A calibration curve shows it
for each task. If one task is off, only that task needs a correction.
"""

# %%
# A model with a distorted task
# -----------------------------
# Likes are rare. Balanced class weights find more of them, but distort their probabilities.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from sk_mmoe import MMoEClassifier

rng = np.random.default_rng(0)
n = 9000
X = pd.DataFrame(rng.normal(size=(n, 6)), columns=[f"x{i}" for i in range(6)])
interest = X["x0"] + np.sin(2 * X["x1"])
y = pd.DataFrame(
    {
        "click": rng.random(n) < 1 / (1 + np.exp(0.5 - 1.5 * interest)),
        "like": rng.random(n) < 1 / (1 + np.exp(3.5 - 1.5 * interest)),
    }
).astype(int)
train, more, test = slice(0, 3000), slice(3000, 6000), slice(6000, None)
model = MMoEClassifier(class_weight={"like": "balanced"}, max_iter=30, random_state=0)
model.fit(X[train], y[train])

# %%
# One task as a classifier
# ------------------------
# :class:`~sklearn.calibration.CalibratedClassifierCV` takes a classifier of one task. This class
# shows it one task of the fitted model.

from sklearn.base import BaseEstimator, ClassifierMixin


class OneTask(ClassifierMixin, BaseEstimator):
    """One task of a fitted model of several tasks."""

    def __init__(self, model, task):
        self.model, self.task = model, task

    def __sklearn_is_fitted__(self):
        return True

    def fit(self, X, y):
        return self

    @property
    def classes_(self):
        return self.model.classes_[self.model.task_names_.index(self.task)]

    def predict_proba(self, X):
        return self.model.predict_proba(X)[self.model.task_names_.index(self.task)]

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


# %%
# Likes are calibrated on rows that the network has not seen. The network stays as it is.

from sklearn.calibration import CalibratedClassifierCV, CalibrationDisplay
from sklearn.frozen import FrozenEstimator

like = CalibratedClassifierCV(FrozenEstimator(OneTask(model, "like")), method="isotonic")
like.fit(X[more], y["like"][more])

fig, axes = plt.subplots(1, 2, figsize=(8, 4), sharey=True, layout="constrained")
curves = {
    "click": {"network": OneTask(model, "click")},
    "like": {"network": OneTask(model, "like"), "calibrated": like},
}
colors = {"network": "tab:gray", "calibrated": "tab:orange"}
for ax, (task, classifiers) in zip(axes, curves.items(), strict=True):
    for name, classifier in classifiers.items():
        CalibrationDisplay.from_estimator(
            classifier, X[test], y[task][test], n_bins=8, strategy="quantile", name=name,
            ax=ax, color=colors[name],
        )  # fmt: skip
    ax.set(title=task, xlabel="predicted probability")
    ax.legend(loc="upper left")
axes[0].set_ylabel("observed frequency")
axes[1].set_ylabel("")
plt.show()

# %%
# The clicks of the network are calibrated as they are. Its likes are far too probable, because
# balanced weights tell the network that likes are frequent. Calibration brings them to the dotted
# line, and the clicks stay as they were. Without `class_weight` it would not be needed.
