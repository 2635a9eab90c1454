"""
Two tables that are labelled for different targets
==================================================

A shop knows what its customers spend. An app knows how long its users stay. No row has both labels,
but both tables have the same columns. One network can learn from both tables: put them below each
other, and leave the labels of the other table empty.
"""

# %%
# The tables
# ----------
# Spending and minutes depend on the same hidden interest, which is a curved function of the
# columns. Labels are few and noisy.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

COLUMNS = [f"x{i}" for i in range(10)]
TASKS = ["spending", "minutes"]


def draw_table(n, rng):
    """Return columns, and both targets of each row."""
    X = pd.DataFrame(rng.normal(size=(n, len(COLUMNS))), columns=COLUMNS)
    interest = np.sin(X["x0"] + X["x1"]) + np.tanh(2 * X["x2"]) * X["x3"]
    y = pd.DataFrame({"spending": 20 + 5 * interest, "minutes": 30 * np.exp(0.5 * interest)})
    return X, y + rng.normal(size=y.shape) * [2, 8]


# %%
# Joined, or each for itself
# --------------------------
# ``pd.concat`` fills the labels that a table does not have with NaN. They send no gradient.

from sklearn.metrics import r2_score

from sk_mmoe import MMoERegressor

network = {"max_iter": 40, "n_members": 1, "learning_rate_init": 0.003, "random_state": 0}
rows = []
X_test, y_test = draw_table(2000, np.random.default_rng(99))
for n in (100, 300, 900):
    for seed in range(3):
        rng = np.random.default_rng(seed)
        shop, app = draw_table(n, rng), draw_table(n, rng)
        X = pd.concat([shop[0], app[0]], ignore_index=True)
        y = pd.concat([shop[1][["spending"]], app[1][["minutes"]]], ignore_index=True)
        joined = MMoERegressor(**network).fit(X, y).predict(X_test)
        for k, (task, table) in enumerate(zip(TASKS, (shop, app), strict=True)):
            alone = MMoERegressor(**network).fit(table[0], table[1][task]).predict(X_test)
            rows.append([n, seed, task, "joined", r2_score(y_test[task], joined[:, k])])
            rows.append([n, seed, task, "alone", r2_score(y_test[task], alone)])
scores = pd.DataFrame(rows, columns=["rows", "seed", "task", "model", "r2"])
print(y.notna().sum())

# %%
# What joining brings
# -------------------

fig, axes = plt.subplots(1, 2, figsize=(8, 3), sharey=True, layout="constrained")
for ax, task in zip(axes, TASKS, strict=True):
    for model, color in {"joined": "tab:orange", "alone": "tab:gray"}.items():
        part = scores[(scores["task"] == task) & (scores["model"] == model)]
        mean = part.groupby("rows")["r2"].mean()
        ax.plot(part["rows"], part["r2"], "o", color=color, alpha=0.4)
        ax.plot(mean.index, mean, color=color, label=model)
    ax.set(title=task, xlabel="rows of each table", xscale="log", xticks=[100, 300, 900])
    ax.set_xticklabels(["100", "300", "900"])
    ax.minorticks_off()
    ax.grid(alpha=0.3)
axes[0].set_ylabel("R² on new rows")
axes[0].legend()
plt.show()

# %%
# The joined network is ahead on both tasks and with every number of rows. The gain is largest with
# few rows. The tasks share their hidden interest here. If two tables have
# nothing in common, joining them brings nothing.
