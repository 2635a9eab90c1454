"""
Where the members of an ensemble disagree
=========================================

An ensemble predicts the mean of several networks. Their standard deviation tells where the networks
disagree, because the data do not decide between them. One column is enough to see it.
"""

# %%
# Two tasks with a gap
# --------------------
# There are no rows between 1 and 2.5, nor beyond -4 and 4. The second task has labels on the left
# only.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from sk_mmoe import MMoERegressor

rng = np.random.default_rng(0)
x = rng.uniform(-4, 4, 700)
x = x[(x < 1) | (x > 2.5)]
y = pd.DataFrame({"wave": np.sin(2 * x), "slope": 0.5 * x + np.cos(x)})
y += 0.15 * rng.normal(size=y.shape)
y.loc[x > 0, "slope"] = np.nan

# %%
# Ten members
# -----------
# The members are trained together. They differ by their initial weights, by the order of the rows
# and by the rows that early stopping holds out.

model = MMoERegressor(n_members=10, max_iter=100, random_state=0).fit(x[:, np.newaxis], y)
grid = np.linspace(-6, 6, 300)
mean, std = model.predict(grid[:, np.newaxis], return_std=True)

fig, axes = plt.subplots(1, 2, figsize=(9, 3.4), sharex=True, layout="constrained")
for k, (ax, task) in enumerate(zip(axes, y, strict=True)):
    ax.plot(x, y[task], ".", color="tab:gray", ms=3, label="labels")
    ax.plot(grid, mean[:, k], color="tab:orange", label="mean of ten")
    low, high = mean[:, k] - 2 * std[:, k], mean[:, k] + 2 * std[:, k]
    ax.fill_between(grid, low, high, color="tab:orange", alpha=0.3, label="± 2 std. deviations")
    ax.set(title=task, xlabel="x")
axes[0].legend(loc="lower left", fontsize="small")
plt.show()

# %%
# The band widens in the gap, beyond the data, and where the second task has no labels. Among the
# labels it is narrow, although the labels are noisy: the spread is not a prediction interval. Nor
# is it a guarantee. Far to the right, all members agree on a constant that nothing supports.
