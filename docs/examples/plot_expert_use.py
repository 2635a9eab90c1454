"""
How the experts are used
========================

Does every task use several experts? Is there an expert that no task needs?
:class:`~sk_mmoe.inspection.ExpertUseDisplay` answers both questions for a fitted model. Here it
compares two kinds of gates, and finds a model whose gates have collapsed.
"""

# %%
# Three tasks
# -----------
# Sales and returns depend on the same columns. Heat depends on others.

import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning

from sk_mmoe import MMoERegressor
from sk_mmoe.inspection import ExpertUseDisplay

rng = np.random.default_rng(0)
X = rng.normal(size=(3000, 8))
demand = np.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2]
y = pd.DataFrame(
    {"sales": demand, "returns": demand + X[:, 3], "heat": np.abs(X[:, 4]) * np.sign(X[:, 5])}
)
y += 0.1 * rng.normal(size=y.shape)
train, test = slice(0, 2000), slice(2000, None)
settings = {
    "n_experts": 6,
    "n_members": 1,
    "learning_rate_init": 0.005,
    "batch_size": 128,
    "max_iter": 20,
}

# %%
# Gates that mix all experts
# --------------------------
# On the left are the mean weights that each task gives to each expert. On the right, the dot is the
# mean entropy of the gates of single rows, and the square the entropy of the mean gate. An entropy
# of 1 means an even mixture, and 0 means a single expert.

model = MMoERegressor(**settings, random_state=0).fit(X[train], y[train])
ExpertUseDisplay.from_estimator(model, X[test])
print(f"R²: {model.score(X[test], y[test]):.3f}")
plt.show()

# %%
# All weights are close to one sixth, and all entropies close to 1. The default gates mix the
# experts evenly, and the towers tell the tasks apart. Such gates say little about the tasks.

# %%
# Gates that select
# -----------------
# Gates of the kind "dselect_k" learn to use two experts for a row. The score is about the same.

selecting = MMoERegressor(**settings, gate="dselect_k", random_state=0).fit(X[train], y[train])
ExpertUseDisplay.from_estimator(selecting, X[test])
print(f"R²: {selecting.score(X[test], y[test]):.3f}")
plt.show()

# %%
# Now heat prefers another expert than sales and returns do. Its dot is far to the left of its
# square: it uses different experts for different rows.

# %%
# Gates that have collapsed
# -------------------------
# One column is a year, near 2000, and ``numeric_encoding=None`` passes it on as it is. The year
# says nothing about the tasks. But the logits of a gate are linear in the columns, and large
# logits put all weight on one expert. `fit` warns about it.

X_year = X.copy()
X_year[:, 7] += 2000
raw = MMoERegressor(**settings, numeric_encoding=None, random_state=0)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always", ConvergenceWarning)
    raw.fit(X_year[train], y[train])
for warning in caught:
    print(warning.message)

display = ExpertUseDisplay.from_estimator(raw, X_year[test])
print(f"R²: {raw.score(X_year[test], y[test]):.3f}; dead experts: {display.dead_experts}")
plt.show()

# %%
# Each task has settled on a single expert, and the hatched experts are not used at all. The repair
# is to scale the columns, as the default `numeric_encoding` does. The year then does no harm.

scaled = MMoERegressor(**settings, random_state=0).fit(X_year[train], y[train])
print(f"R²: {scaled.score(X_year[test], y[test]):.3f}")

# sphinx_gallery_thumbnail_number = 3
