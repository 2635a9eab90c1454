"""
A threshold for each task
=========================

`predict` returns the likelier class. If a miss costs more than a false alarm, or the other way
round, another threshold is better. Each task may have a different one.
"""

# %%
# Two tasks with costs
# --------------------
# A missed failure costs ten times an unnecessary inspection. An unnecessary cleaning costs twice as
# much as a missed one.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from sk_mmoe import MMoEClassifier
from sk_mmoe.metrics import predict_positive_proba
from sk_mmoe.model_selection import MultiOutputStratifiedKFold, cross_val_predict_proba

rng = np.random.default_rng(0)
n = 6000
X = pd.DataFrame(rng.normal(size=(n, 6)), columns=["heat", "noise", "dust", "age", "load", "speed"])
wear = X["heat"] + np.maximum(X["noise"], 0) + 0.5 * X["age"]
y = pd.DataFrame(
    {
        "fails": rng.random(n) < 1 / (1 + np.exp(3 - 1.5 * wear)),
        "is dirty": rng.random(n) < 1 / (1 + np.exp(1 - 1.5 * X["dust"] - 0.5 * wear)),
    }
).astype(int)
miss = pd.Series({"fails": 10, "is dirty": 1})
false_alarm = pd.Series({"fails": 1, "is dirty": 2})
X_train, X_test, y_train, y_test = X[:3000], X[3000:], y[:3000], y[3000:]


def cost(decisions, labels, task):
    """Return the mean cost of a row."""
    missed = (labels == 1) & ~decisions
    alarmed = (labels == 0) & decisions
    return (miss[task] * missed + false_alarm[task] * alarmed).mean()


# %%
# Thresholds from out-of-fold probabilities
# -----------------------------------------
# Each row is predicted by a model that has not seen it. The curves are the costs of all thresholds.
# The dotted line is the threshold that theory gives for calibrated probabilities:
# ``1 / (1 + cost of a miss / cost of a false alarm)``.

model = MMoEClassifier(max_iter=30, random_state=0)
cv = MultiOutputStratifiedKFold(3, shuffle=True, random_state=0)
probabilities = cross_val_predict_proba(model, X_train, y_train, cv=cv)
grid = np.linspace(0.01, 0.99, 99)
thresholds = pd.Series(0.5, index=y.columns)
fig, axes = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
for ax, task, proba in zip(axes, y, probabilities, strict=True):
    costs = [cost(proba[:, 1] > cut, y_train[task], task) for cut in grid]
    thresholds[task] = grid[np.argmin(costs)]
    ax.plot(grid, costs, color="tab:orange")
    ax.plot(thresholds[task], min(costs), "o", color="tab:orange")
    ax.axvline(1 / (1 + miss[task] / false_alarm[task]), ls=":", color="black", lw=1)
    ax.set(title=task, xlabel="threshold", ylabel="mean cost of a row")
    ax.grid(alpha=0.3)
plt.show()

# %%
# What the thresholds save
# ------------------------
# New rows are decided by comparing the table of probabilities with the thresholds.

model.fit(X_train, y_train)
proba = predict_positive_proba(model, X_test)
for task in y:
    usual = cost(proba[task] > 0.5, y_test[task], task)
    ours = cost((proba > thresholds)[task], y_test[task], task)
    print(f"{task:9} threshold {thresholds[task]:.2f}: cost {ours:.3f} instead of {usual:.3f}")

# %%
# The best thresholds lie close to the dotted lines, since the probabilities are nearly calibrated.
# Failures are predicted from a probability of 0.09 on, and their cost falls by almost a half. The
# threshold of the other task is above 0.5, and it saves less.
