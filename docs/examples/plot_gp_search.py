"""
A search that learns from its scores
====================================

:class:`~sk_mmoe.model_selection.GPSearchCV` models the score as a function of the parameters, and
tries next what promises most. This example searches two parameters with a score for each task, and
shows where the search went.
"""

# %%
# Two tasks
# ---------
# It needs Optuna: ``pip install "sk_mmoe[tune]"``.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.stats import loguniform, uniform
from sklearn.datasets import make_classification

from sk_mmoe import MMoEClassifier
from sk_mmoe.metrics import multitask_scoring
from sk_mmoe.model_selection import GPSearchCV, MultiOutputStratifiedKFold

X, click = make_classification(
    1000, n_features=12, n_informative=6, n_clusters_per_class=4, flip_y=0.1, random_state=0
)
rng = np.random.default_rng(0)
y = pd.DataFrame({"click": click, "share": (click == 1) & (X[:, 0] + rng.normal(size=1000) > 1)})
y = y.astype(int)
X_train, X_test, y_train, y_test = X[:600], X[600:], y[:600], y[600:]

# %%
# The search
# ----------
# The first six candidates are random, the others are chosen by the model. ``refit`` names the
# score that is maximised, here the mean of the two AUCs.

search = GPSearchCV(
    MMoEClassifier(n_experts=4, n_members=1, batch_size=64, max_iter=10, random_state=0),
    {"learning_rate_init": loguniform(1e-4, 3e-2), "dropout": uniform(0, 0.6)},
    n_iter=16,
    n_initial=6,
    scoring=multitask_scoring("roc_auc"),
    refit="mean_roc_auc",
    cv=MultiOutputStratifiedKFold(2, shuffle=True, random_state=0),
    random_state=0,
).fit(X_train, y_train)
for name, value in search.best_params_.items():
    print(f"{name}: {value:.4f}")

# %%
# Where it searched
# -----------------
# Crosses are the random candidates and dots those that the model chose. The star is the best one.
# On the right is the score of each task, in the order of evaluation.

results = pd.DataFrame(search.cv_results_)
rates = results["param_learning_rate_init"].astype(float)
dropouts = results["param_dropout"].astype(float)
scores = results["mean_test_mean_roc_auc"]
random = results.index < search.n_initial

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
scale = {"vmin": scores.quantile(0.25), "vmax": scores.max(), "cmap": "viridis"}
for part, marker in ((random, "X"), (~random, "o")):
    points = left.scatter(
        rates[part], dropouts[part], c=scores[part], marker=marker, s=60, edgecolors="k", **scale
    )
best = search.best_index_
left.plot(rates[best], dropouts[best], "*", ms=20, mfc="none", mec="tab:red", mew=2)
left.set(xscale="log", xlabel="learning_rate_init", ylabel="dropout")
fig.colorbar(points, ax=left, label="mean AUC", extend="min")

for task, color in zip(y, ["tab:blue", "tab:orange"], strict=True):
    auc = results[f"mean_test_{task}_roc_auc"]
    right.plot(results.index + 1, auc, "o", color=color, ms=4, label=task)
    right.plot(results.index + 1, auc.cummax(), color=color, alpha=0.6)
right.axvline(search.n_initial + 0.5, ls=":", color="black", lw=1)
right.set(xlabel="candidate", ylabel="AUC", xticks=range(1, 17, 3))
right.grid(alpha=0.3)
right.legend(loc="lower right")
plt.show()

# %%
# After the dotted line the search stays near a rate of 0.003 with little dropout, where both scores
# are high.

# %%
# How good is the best candidate?
# -------------------------------
# The best score of a search is the highest of many noisy numbers. Score the model on rows that the
# search has not seen.

tested = multitask_scoring("roc_auc")(search.best_estimator_, X_test, y_test)
print(f"in the search: {search.best_score_:.3f}, on new rows: {tested['mean_roc_auc']:.3f}")

# %%
# Here the score on new rows is even higher. The final model has learned from all training rows, the
# models of the two folds from half of them.
