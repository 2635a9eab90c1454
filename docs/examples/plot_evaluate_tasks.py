"""
Evaluating all tasks in one figure
==================================

A model of several tasks needs several plots: curves for tasks with classes, errors for tasks with
numbers. The displays of :mod:`sk_mmoe.inspection` draw one panel for each task.
"""

# %%
# Three kinds of tasks
# --------------------
# A shop wants to know of each visit whether it ends in an order, how content the visitor is, and
# how long the visit takes. The answer to the survey is missing for most visits.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from sk_mmoe import MMoEMixedPredictor
from sk_mmoe.inspection import (
    CalibrationCurvesDisplay,
    ConfusionMatricesDisplay,
    PrecisionRecallCurvesDisplay,
    PredictionErrorsDisplay,
    RocCurvesDisplay,
)

rng = np.random.default_rng(0)
X = pd.DataFrame(rng.normal(size=(3000, 4)), columns=["price", "stock", "speed", "history"])
interest = X["history"] - 0.5 * X["price"] ** 2 + 0.5 * X["stock"]
mood = interest + X["speed"] + rng.normal(size=3000)
y = pd.DataFrame(
    {
        "order": (interest + rng.logistic(size=3000) > 2).astype(int),
        "survey": pd.cut(mood, [-np.inf, -1, 1, np.inf], labels=["bad", "fair", "good"]),
        "minutes": np.exp(1 + 0.4 * interest + 0.4 * rng.normal(size=3000)),
    }
)
y["survey"] = y["survey"].where(rng.random(3000) < 0.4)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

kinds = {"order": "binary", "survey": "ordinal", "minutes": "regression"}
model = MMoEMixedPredictor(n_experts=4, tasks=kinds, random_state=0)
model.fit(X_train, y_train)

# %%
# How well are the rows ranked?
# -----------------------------
# The task with two classes has one curve. The survey has one curve for each answer against the
# rest. Rows without an answer are left out, and the task with numbers has no panel.

RocCurvesDisplay.from_estimator(model, X_test, y_test)
plt.show()

# %%
# Orders are rare, so the share of orders among the visits with the highest probabilities says more.
# The dotted lines show the precision of a random order of the rows.

PrecisionRecallCurvesDisplay.from_estimator(model, X_test, y_test)
plt.show()

# %%
# Are the probabilities right?
# ----------------------------
# With ``strategy="quantile"``, every point stands for equally many rows.

CalibrationCurvesDisplay.from_estimator(model, X_test, y_test, strategy="quantile")
plt.show()

# %%
# Which classes are confused?
# ---------------------------
# Each row of a matrix shows the predictions for one true class. The answers keep their order. The
# threshold of the first task is 0.5, which misses most of the orders.

ConfusionMatricesDisplay.from_estimator(model, X_test, y_test, normalize="true")
plt.show()

# %%
# Where are numbers far off?
# --------------------------
# The residuals of "minutes" fan out: long visits are harder to predict. The logarithm of the
# minutes may be a better target.

PredictionErrorsDisplay.from_estimator(model, X_test, y_test, random_state=0)
plt.show()
