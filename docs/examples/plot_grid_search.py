"""
A grid search with a score for each task
========================================

Which learning rate, and how many experts? :class:`~sklearn.model_selection.GridSearchCV` works with
the estimators of this package. Scorers per task show whether all tasks want the same setting.
"""

# %%
# Two tasks
# ---------

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import make_classification
from sklearn.model_selection import GridSearchCV

from sk_mmoe import MMoEClassifier
from sk_mmoe.metrics import multitask_scoring
from sk_mmoe.model_selection import MultiOutputStratifiedKFold

X, click = make_classification(
    1000, n_features=12, n_informative=6, n_clusters_per_class=4, flip_y=0.1, random_state=0
)
rng = np.random.default_rng(0)
y = pd.DataFrame({"click": click, "share": (click == 1) & (X[:, 0] + rng.normal(size=1000) > 1)})
y = y.astype(int)
print(y.mean().round(2))

# %%
# The search
# ----------
# :func:`~sk_mmoe.metrics.multitask_scoring` returns one score per task and their mean. ``refit``
# names the one that chooses. Folds are stratified over both tasks, so that every fold has shares.

search = GridSearchCV(
    MMoEClassifier(n_members=1, max_iter=20, random_state=0),
    {"learning_rate_init": [0.0003, 0.001, 0.003, 0.01], "n_experts": [2, 8]},
    scoring=multitask_scoring("roc_auc"),
    refit="mean_roc_auc",
    cv=MultiOutputStratifiedKFold(3, shuffle=True, random_state=0),
).fit(X, y)
print(search.best_params_)

# %%
# The scores of each task
# -----------------------
# The bars are standard deviations over folds.

results = pd.DataFrame(search.cv_results_)
fig, axes = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
for ax, task in zip(axes, y, strict=True):
    for k, (n_experts, part) in enumerate(results.groupby("param_n_experts")):
        ax.errorbar(
            part["param_learning_rate_init"].astype(float) * 1.05**k,
            part[f"mean_test_{task}_roc_auc"],
            yerr=part[f"std_test_{task}_roc_auc"],
            fmt="o-",
            capsize=3,
            label=f"{n_experts} experts",
        )
    ax.set(title=task, xlabel="learning_rate_init", xscale="log")
    ax.grid(alpha=0.3)
axes[0].set_ylabel("AUC")
axes[0].legend()
plt.show()

# %%
# The tasks want different settings. Clicks are predicted best by eight experts with a rate of
# 0.003, shares by two experts with a smaller rate. The mean score decides, here for a small rate.
# But the bars are longer than most differences, so a thousand rows do not tell these settings
# apart.
