"""
Which columns matter for which task
===================================

scikit-learn's tools for inspection work with several tasks: permutation importance with a scorer
per task, partial dependence with a target.
"""

# %%
# Two prices of a house
# ---------------------
# The rent and the price depend on the size. The price also depends on the age by a curve, and the
# rent on the distance to the centre.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.inspection import PartialDependenceDisplay, permutation_importance

from sk_mmoe import MMoERegressor
from sk_mmoe.metrics import multitask_scoring

rng = np.random.default_rng(0)
n = 3000
X = pd.DataFrame(
    {
        "size": rng.uniform(30, 200, n),
        "age": rng.uniform(0, 100, n),
        "distance": rng.exponential(5, n),
        "colour": rng.integers(0, 5, n).astype(float),
    }
)
y = pd.DataFrame(
    {
        "rent": 10 * X["size"] - 300 * np.minimum(X["distance"], 3),
        "price": 3 * X["size"] + 0.08 * (X["age"] - 60) ** 2,
    }
)
y += rng.normal(size=y.shape) * 0.2 * y.std().to_numpy()
X_train, X_test, y_train, y_test = X[:2000], X[2000:], y[:2000], y[2000:]
model = MMoERegressor(max_iter=60, random_state=0).fit(X_train, y_train)

# %%
# Permutation importance
# ----------------------
# Shuffle a column of the test set: by how much does R² fall?

importances = permutation_importance(
    model, X_test, y_test, scoring=multitask_scoring("r2"), n_repeats=5, random_state=0
)
fig, ax = plt.subplots(figsize=(6, 3), layout="constrained")
for k, task in enumerate(y):
    result = importances[f"{task}_r2"]
    places = np.arange(X.shape[1]) + 0.4 * k - 0.2
    ax.barh(places, result["importances_mean"], 0.36, label=task)
ax.set(yticks=range(X.shape[1]), yticklabels=X.columns, xlabel="loss of R²")
ax.invert_yaxis()
ax.legend()
plt.show()

# %%
# Partial dependence
# ------------------
# The mean prediction if a column has the same value in all rows. ``target`` is the index of the
# task.

columns = ["size", "age", "distance"]
fig, axes = plt.subplots(2, 3, figsize=(8, 4.5), sharex="col", sharey="row", layout="constrained")
for k, task in enumerate(y):
    PartialDependenceDisplay.from_estimator(
        model, X_test[:300], columns, target=k, grid_resolution=30, ax=axes[k]
    )
    for ax in axes[k]:
        ax.set(ylabel="", xlabel="" if k == 0 else ax.get_xlabel())
    axes[k][0].set_ylabel(task)
plt.show()

# %%
# The curves have the shapes that made the data: the rent falls up to a distance of 3 and is
# constant beyond, and the price is lowest for houses of 60 years. The colour matters for neither
# task.
