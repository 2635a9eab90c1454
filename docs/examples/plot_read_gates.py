"""
Reading the gates
=================

A Multi-gate Mixture-of-Experts says for each sample how much each task listens to each expert. The
displays of :mod:`sk_mmoe.inspection` show this from several sides.
"""

# %%
# Three tasks, two of them related
# --------------------------------
# The first two tasks are sinusoids of related directions; the third depends on the first feature
# only, and in a way of its own.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from sk_mmoe import MMoERegressor
from sk_mmoe.datasets import make_multitask_sinusoid
from sk_mmoe.inspection import (
    ExpertUseDisplay,
    GateCurvesDisplay,
    GateWeightsDisplay,
    LossCurvesDisplay,
    TaskRelatednessDisplay,
)

X, y = make_multitask_sinusoid(4000, n_features=10, correlation=0.9, random_state=0)
X = pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])])
y = pd.DataFrame(y, columns=["first", "second"])
y["step"] = np.where(X["x0"] > 0, 2.0, -1.0) + 0.1 * X["x1"]
X_train, X_test, y_train, y_test = X[:3000], X[3000:], y[:3000], y[3000:]

model = MMoERegressor(
    n_experts=4, learning_rate_init=0.01, max_iter=60, early_stopping=True, random_state=0
)
model.fit(X_train, y_train)
print(f"R² on the test set: {model.score(X_test, y_test):.3f}")

# %%
# Has training ended well?
# ------------------------
# Each task has a loss of its own, and they need not be at their best in the same epoch.

LossCurvesDisplay.from_estimator(model)
plt.show()

# %%
# Who listens to whom?
# --------------------
# The mean weights are the numbers of the paper's figure 6. They are means: a gate that picks other
# experts for other samples can look even.

GateWeightsDisplay.from_estimator(model, X_test)
plt.show()

# %%
# The use of the experts beside the entropy of the gates tells the two apart: for a gate that picks,
# the entropy of single samples is far below that of the mean. Were an expert dead, or had a task
# settled on a single one, it would be marked.

ExpertUseDisplay.from_estimator(model, X_test)
plt.show()

# %%
# What do the gates look at?
# --------------------------
# Over the feature that the third task hangs on, a gate may change from one expert to another.

GateCurvesDisplay.from_estimator(model, X_test, feature="x0")
plt.show()

# %%
# Without a feature the display shows the samples themselves, sorted by the expert that leads.

GateCurvesDisplay.from_estimator(model, X_test)
plt.show()

# %%
# Do related tasks share experts?
# -------------------------------
# They may, but nothing makes them: the towers can turn the same experts into unlike predictions,
# and unlike experts into predictions that are alike. Cosines of gates describe this network,
# trained from this seed; correlations of labels describe the data. In this one the two sinusoids
# listen to much the same experts, and the third task to others.

TaskRelatednessDisplay.from_estimator(model, X_test, y_test)
plt.show()
