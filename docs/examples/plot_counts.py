"""
Counts
======

Visits and purchases are counts: whole numbers, never negative, with a spread that grows with the
mean. The kind "count" fits them by Poisson regression. This example compares it with the squared
error of ordinary regression.
"""

# %%
# Visits and purchases
# --------------------
# Both depend on the interest of a customer. Purchases are rare.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

rng = np.random.default_rng(0)
n = 4000
X = pd.DataFrame(rng.normal(size=(n, 6)), columns=[f"x{i}" for i in range(6)])
interest = 0.8 * X["x0"] + np.sin(2 * X["x1"])
y = pd.DataFrame(
    {
        "visits": rng.poisson(np.exp(1 + interest)),
        "purchases": rng.poisson(np.exp(-2 + 1.2 * interest + 0.5 * X["x2"])),
    }
)
X_train, X_test, y_train, y_test = X[:2000], X[2000:], y[:2000], y[2000:]
print(y.describe().loc[["mean", "std", "max"]].round(2))

# %%
# Two models
# ----------

from sk_mmoe import MMoERegressor

network = {"max_iter": 60, "n_members": 1, "random_state": 0}
models = {
    "count": MMoERegressor(tasks="count", **network).fit(X_train, y_train),
    "regression": MMoERegressor(**network).fit(X_train, y_train),
}
predictions = {
    kind: pd.DataFrame(model.predict(X_test), columns=y.columns) for kind, model in models.items()
}
for kind, prediction in predictions.items():
    print(kind, "negative predictions:", (prediction < 0).mean().map("{:.0%}".format).to_dict())

# %%
# Are the predicted means right?
# ------------------------------
# Sort the rows by the prediction and cut them into ten groups. In each group the mean count should
# equal the mean prediction, on the dotted line.

fig, axes = plt.subplots(1, 2, figsize=(8, 3.4), layout="constrained")
for ax, task in zip(axes, y, strict=True):
    for kind, color in {"count": "tab:orange", "regression": "tab:gray"}.items():
        predicted = predictions[kind][task]
        group = pd.qcut(predicted, 10, labels=False, duplicates="drop")
        ax.plot(
            predicted.groupby(group).mean(),
            y_test[task].reset_index(drop=True).groupby(group).mean(),
            "o-",
            color=color,
            label=kind,
        )
    limits = [0, 1.05 * max(ax.get_xlim()[1], ax.get_ylim()[1])]
    ax.plot(limits, limits, ":", color="black", lw=1)
    ax.set(title=task, xlabel="mean prediction", ylabel="mean count")
    ax.grid(alpha=0.3)
axes[0].legend()
plt.show()

# %%
# D² is the analogue of R² for the Poisson deviance. It needs positive predictions, so those of the
# regression are raised to a small number.

from sk_mmoe.metrics import d2_poisson_score

for task in y:
    for kind, prediction in predictions.items():
        score = d2_poisson_score(y_test[task], prediction[task].clip(lower=0.01))
        print(f"{task:10} {kind:10} D² = {score:.3f}")

# %%
# Both models predict the right means, and their scores are close. The difference is what the
# predictions can be: the regression predicts negative counts for some rows, and a count model never
# does. Use "count" if predictions are multiplied, compared as ratios, or shown to people.
