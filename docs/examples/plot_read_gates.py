"""
Reading the gates
=================

The gates of a Multi-gate Mixture-of-Experts show which experts each task uses for each sample. The
displays of :mod:`sk_mmoe.inspection` draw them. This example shows which display answers which
question.
"""

# %%
# Three tasks, two of them related
# --------------------------------
# The first two tasks are sums of sines along related directions. The third task is a step of the
# first feature and has little to do with them.

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
    n_experts=4,
    numeric_encoding=None,  # the inputs are standard normal
    batch_size=256,
    learning_rate_init=0.01,
    max_iter=60,
    early_stopping=True,
    n_members=1,
    random_state=0,
)
model.fit(X_train, y_train)
print(f"R² on the test set: {model.score(X_test, y_test):.3f}")

# %%
# Did training end well?
# ----------------------
# Look at the loss of each task. A held-out loss (dashed) that rises while the training loss (solid)
# falls is a sign of overfitting. The best epoch may differ between tasks. Here all held-out losses
# still fall slowly at the end, so a few more epochs could help.

LossCurvesDisplay.from_estimator(model)
plt.show()

# %%
# Which experts does each task use?
# ---------------------------------
# The mean weights are the numbers of figure 6 of the paper. An even row has two possible reasons:
# the gate mixes all experts for every sample, or it picks different experts for different samples.

GateWeightsDisplay.from_estimator(model, X_test)
plt.show()

# %%
# The entropy of the gates tells the two apart. If a gate picks experts, the entropy of single
# samples (dots) is far below the entropy of the mean gate (squares). Here the gates do so to some
# degree. This display also marks experts that no task uses, and tasks that use a single expert.
# There are none here.

ExpertUseDisplay.from_estimator(model, X_test)
plt.show()

# %%
# How do the gates depend on a feature?
# -------------------------------------
# The third task changes where the feature "x0" changes its sign. Its gate moves from one expert to
# another there, with little spread. The other two gates depend on all features, so their bands are
# wide.

GateCurvesDisplay.from_estimator(model, X_test, feature="x0")
plt.show()

# %%
# Without a feature, the display shows all samples, sorted by the expert with the highest weight.

GateCurvesDisplay.from_estimator(model, X_test)
plt.show()

# %%
# Do related tasks share experts?
# -------------------------------
# They may, but they need not. Towers can make different predictions from the same experts, and
# similar predictions from different experts. The correlation of the labels describes the data. The
# cosine of the gates describes this network, trained from this seed. Here the two sums of sines
# have similar gates, and the gate of the third task is unrelated to them.

TaskRelatednessDisplay.from_estimator(model, X_test, y_test)
plt.show()
