"""
Learning from a stream
======================

Data that arrive in chunks, or do not fit into memory, are learned by `partial_fit`. Here the world
changes half-way for one of two tasks. The model is scored on every chunk before it learns from it.
"""

# %%
# A stream with a change
# ----------------------
# From chunk 60 on, people like what they disliked before. Clicks do not change.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from sk_mmoe import MMoEClassifier

N_CHUNKS, CHANGE = 120, 60


def draw_chunk(number):
    """Return the rows of a chunk."""
    rng = np.random.default_rng(number)
    X = rng.normal(size=(500, 8))
    click = X[:, 0] + X[:, 1] > 0
    like = np.sin(2 * X[:, 2]) + 0.5 * X[:, 3] > 0
    return X, pd.DataFrame({"click": click, "like": like ^ (number >= CHANGE)}).astype(int)


# %%
# Score first, then learn
# -----------------------
# The first call must name all classes of each task. By default predictions use an average of the
# weights over the last steps, which is slow to follow a change. ``average=False`` follows faster.

classes = [[0, 1], [0, 1]]
models = {
    "average=False": MMoEClassifier(average=False, learning_rate_init=0.005, random_state=0),
    "default": MMoEClassifier(learning_rate_init=0.005, random_state=0),
}
hits = {name: [] for name in models}
for number in range(N_CHUNKS):
    X, y = draw_chunk(number)
    for name, model in models.items():
        if number > 0:
            hits[name].append((model.predict(X) == y).mean())
        model.partial_fit(X, y, classes=classes)

# %%
# Accuracy over time
# ------------------

fig, axes = plt.subplots(1, 2, figsize=(9, 3.2), sharey=True, layout="constrained")
for ax, task in zip(axes, ["click", "like"], strict=True):
    for name, color in zip(models, ["tab:orange", "tab:gray"], strict=True):
        curve = pd.DataFrame(hits[name])[task].rolling(3, min_periods=1).mean()
        ax.plot(curve.index + 1, curve, color=color, label=name)
    ax.axvline(CHANGE, ls=":", color="black", lw=1)
    ax.set(title=task, xlabel="chunk")
    ax.grid(alpha=0.3)
axes[0].set_ylabel("accuracy on the next chunk")
axes[0].legend(loc="lower right")
plt.show()

# %%
# Both models learn the new likes. Without the average, the accuracy recovers about ten chunks
# earlier. The price is a small dip of the other task: the experts that both tasks share have to
# change, too. In a stable world the average is a little better.
